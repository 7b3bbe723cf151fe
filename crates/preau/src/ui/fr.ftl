# Les textes de l'interface. Espaces ordinaires partout : les espaces insécables sont mises au chargement.
# $form vaut « tu » pour les élèves de l'école et du collège, « vous » pour les autres.

platform-name = Préau

shell-skip = Aller au contenu
shell-home = { $school } : accueil
shell-menu = Menu principal
shell-account = { $name } : compte et réglages
shell-sign-out = Se déconnecter
shell-help = Aide
shell-status = État du service
shell-accessibility = Accessibilité

display-title = Affichage
display-theme = Couleurs
display-theme-auto = Comme l’appareil
display-theme-light = Claires
display-theme-dark = Sombres
display-spacing = Texte
display-spacing-normal = Ordinaire
display-spacing-wide = Grand et aéré

form-cancel = Annuler
form-save = Enregistrer

pages-label = Pages
pages-previous = Page précédente
pages-next = Page suivante
pages-where = Page { $current } sur { $last }

## Dates et heures
date-monday = lundi
date-tuesday = mardi
date-wednesday = mercredi
date-thursday = jeudi
date-friday = vendredi
date-saturday = samedi
date-sunday = dimanche
date-mon = lun.
date-tue = mar.
date-wed = mer.
date-thu = jeu.
date-fri = ven.
date-sat = sam.
date-sun = dim.
date-january = janvier
date-february = février
date-march = mars
date-april = avril
date-may = mai
date-june = juin
date-july = juillet
date-august = août
date-september = septembre
date-october = octobre
date-november = novembre
date-december = décembre
date-jan = janv.
date-feb = févr.
date-mar = mars
date-apr = avr.
date-may-short = mai
date-jun = juin
date-jul = juil.
date-aug = août
date-sep = sept.
date-oct = oct.
date-nov = nov.
date-dec = déc.
date-now = maintenant
date-today = aujourd’hui
date-tomorrow = demain
date-yesterday = hier
date-moment = { $day } à { $hour }
date-minutes = { $count } min
date-hours = { $count } h
date-hours-minutes = { $hours } h { $minutes }
date-days = { $count ->
    [one] { $count } jour
   *[other] { $count } jours
}
date-in = dans { $length }
date-ago = il y a { $length }
date-due-today = pour aujourd’hui
date-due-tomorrow = pour demain, { $date }
date-due = pour { $date }

## Connexion
sign-in-title = Connexion
sign-in-welcome = Bonjour. C’est par ici.
sign-in-login = Identifiant
sign-in-login-hint = Le plus souvent prénom.nom, sans accent
sign-in-password = Mot de passe
sign-in-remember = Se souvenir de cet appareil
sign-in-remember-hint = À ne pas cocher sur un ordinateur partagé
sign-in-go = Entrer
sign-in-elsewhere = Ou avec un autre compte
sign-in-first = Première visite ?
sign-in-first-hint = Activer le compte avec le code reçu sur papier
sign-in-lost = Mot de passe oublié ?
sign-in-lost-hint = Un professeur ou la vie scolaire peut en donner un nouveau tout de suite, sans adresse électronique
sign-in-refused = L’identifiant ou le mot de passe ne va pas. Vérifiez les deux, puis essayez encore ; si cela dure, un professeur ou la vie scolaire peut vous aider.

## Première visite
activation-title = Première visite
activation-steps = Étapes
activation-step-code = Code
activation-step-person = Identité
activation-step-password = Mot de passe
activation-step-done = C’est prêt
activation-code = Code d’activation
activation-code-hint = Il est imprimé sur la feuille reçue de l’établissement et vaut 30 jours
activation-code-unknown = Ce code n’est pas connu ou ne vaut plus. Comparez-le avec la feuille ; s’il est juste, demandez-en un nouveau à l’établissement.
activation-next = Continuer
activation-is-it-you = Est-ce bien vous ?
activation-yes = Oui, c’est moi
activation-no = Non, ce n’est pas moi
activation-your-login = Votre identifiant sera :
activation-password = Choisissez un mot de passe
activation-password-hint = Au moins { $count } caractères. Quelques mots sans rapport se retiennent bien.
activation-password-short = Ce mot de passe est trop court.
activation-password-differs = Les deux mots de passe ne sont pas les mêmes.
activation-again = Le même, encore une fois
activation-choose = Choisir ce mot de passe
activation-done = Votre compte est prêt
activation-remember = Notez votre identifiant : il faudra le redonner à chaque connexion.
activation-enter = Se connecter
