# Les textes de l'interface. Espaces ordinaires partout : les espaces insécables sont mises au chargement.
# $form vaut « tu » pour les élèves de l'école et du collège, « vous » pour les autres.

platform-name = Préau

shell-skip = Aller au contenu
shell-home = { $school } : accueil
shell-menu = Menu principal
shell-account = Compte et réglages
shell-own-account = Compte et mot de passe
shell-sign-out = Se déconnecter
shell-strained = Beaucoup de monde en ce moment : ce qui peut attendre est suspendu. Cours, appel et travail continuent.
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

## Refus : ce qui se passe, ce que cela veut dire, que faire
refusal-home = Retour à l’accueil
refusal-operation = Numéro d’opération { $number } : à donner à la personne qui s’occupe de Préau.
refusal-not-found = Cette page n’existe pas
refusal-not-found-meaning = L’adresse est peut-être incomplète, ou la page n’est pas pour ce compte.
refusal-sign-in-first = Il faut d’abord se connecter
refusal-sign-in-first-meaning = La session est terminée. Une fois la connexion faite, la page s’ouvre de nouveau.
refusal-forged = La page était ouverte depuis trop longtemps
refusal-forged-meaning = Rien n’a été enregistré. Revenez à la page précédente, rechargez-la et recommencez.
refusal-too-large = C’est trop gros
refusal-too-large-meaning = La limite est de { $mebibytes } Mo. Rien n’a été enregistré ; une photo plus petite passera.
refusal-interrupted = L’envoi s’est interrompu
refusal-interrupted-meaning = Rien n’a été enregistré. La connexion a sans doute été coupée : recommencez.
refusal-malformed = La demande n’est pas lisible
refusal-malformed-meaning = Rien n’a été enregistré. Revenez à la page précédente et recommencez.
refusal-busy = Beaucoup de monde en ce moment
refusal-busy-meaning = Rien n’est perdu. La page réessaie d’elle-même dans quelques secondes.
refusal-internal = Quelque chose n’a pas marché de notre côté
refusal-internal-meaning = Rien n’a été enregistré. Réessayez dans un instant ; si cela dure, signalez-le avec le numéro ci-dessous.
refusal-too-many-files = Trop de fichiers
refusal-too-many-files-meaning = Rien n’a été enregistré. Retirez-en quelques-uns et recommencez.
refusal-file-kind = Ce type de fichier n’est pas accepté
refusal-file-kind-meaning = Rien n’a été enregistré. Sont acceptés : photos, PDF, documents de traitement de texte, tableaux, présentations, texte, son et vidéo courants.
refusal-hand-in-empty = Il n’y a rien à rendre
refusal-hand-in-empty-meaning = Écrivez un texte ou choisissez un fichier ou une photo, puis recommencez.
refusal-hand-in-too-long = Le texte est trop long
refusal-hand-in-too-long-meaning = La limite est de 8 000 caractères. Au-delà, joignez un document.

role-pupil = Élève
role-guardian = Responsable
role-teacher = Professeur
role-librarian = Professeur documentaliste
role-supervisor = Vie scolaire
role-counsellor = CPE
role-head = Direction
role-staff = Personnel
role-local-admin = Référent numérique
role-authority = Académie

file-size-kb = { $size } Ko
file-size-mb = { $size } Mo

## Aujourd’hui
today-title = Aujourd’hui
today-hello = Bonjour { $name }
today-join = Rejoindre
today-lessons = La journée
today-no-lessons = Pas de cours aujourd’hui
today-no-lessons-text = L’emploi du temps de ce jour est vide.
today-over = Les cours du jour sont finis
today-cancelled = annulé
today-work = Travail à faire
today-no-work = Rien à faire pour l’instant
today-no-work-text = Le travail donné par les professeurs s’affichera ici.
today-work-done = fait
today-notices = À lire
today-arrived = élèves arrivés
today-register-do = Faire l’appel
today-register-go-on = Reprendre l’appel
today-register-done = Appel fait
today-register-begun = Appel commencé
today-register-todo = Appel à faire
today-tasks = En attente
today-no-tasks = Rien n’attend.
today-write-work = Donner du travail
today-open-class = Ouvrir la classe { $class }
today-opens-at = La classe ouvre à { $hour }. Cette page le montrera d’elle-même.
today-not-opened-yet = { $teacher } n’a pas encore ouvert la classe. Cette page le montrera d’elle-même.
today-still = encore { $length }
today-no-children = Aucun enfant n’est rattaché à ce compte
today-no-children-text = L’établissement peut corriger cela : le secrétariat tient les fiches à jour.
today-child-work = { $count ->
    [one] { $count } travail à faire
   *[other] { $count } travaux à faire
}
today-child-no-work = Tout est fait
today-justify = Justifier
today-report-absence = Signaler une absence
today-student-life = Qui manque ?
today-enter-absence = Saisir une absence
today-not-seen = élèves pas encore vus
today-seen = élèves vus
today-registers-closed = appels faits
today-missing = Élèves pas encore vus
today-missing-of = { $count ->
    [one] { $class }, { $count } élève
   *[other] { $class }, { $count } élèves
}
today-nobody-missing = Tout le monde est là
today-nobody-missing-text = Chaque élève attendu a été vu depuis le début de l’heure.
today-announced = annoncé par la famille
today-absent = absent à l’appel
today-roll-open = appel pas encore fait
today-head = L’établissement en ce moment
today-write-notice = Écrire à tous
today-classes-open = classes ouvertes
today-present = élèves présents
today-at-gate = personnes à l’entrée
today-school-lessons = Les cours de cette heure
today-no-lessons-now = Aucun cours à cette heure
today-no-lessons-now-text = Les cours en train de se tenir s’afficheront ici.
today-open = ouverte
today-not-open = pas ouverte

column-pupil = Élève
column-class = Classe
column-since = Depuis
column-lesson = Cours
column-state = État
column-subject = Matière
column-teacher = Professeur
column-present = Présents
column-register = Appel

## Salle d’attente
waiting-title = À l’entrée
waiting-headline = Tout le monde arrive en même temps.
waiting-place-kept = { $form ->
    [tu] Ta place est gardée.
    [neutral] La place est gardée.
   *[vous] Votre place est gardée.
}
waiting-noted = { $form ->
    [tu] Ta présence est notée.
    [neutral] La présence est notée.
   *[vous] Votre présence est notée.
}
waiting-noted-since = { $form ->
    [tu] Ta présence est notée depuis { $hour }.
    [neutral] La présence est notée depuis { $hour }.
   *[vous] Votre présence est notée depuis { $hour }.
}
waiting-people-before = { $count ->
    [one] { $count } personne attend
   *[other] { $count } personnes attendent
} devant { $form ->
    [tu] toi
    [neutral] cette place
   *[vous] vous
}
waiting-nobody-before = { $form ->
    [tu] C’est presque à toi.
    [neutral] C’est presque le moment.
   *[vous] C’est presque à vous.
}
waiting-about = Environ { $low } min
waiting-range = Entre { $low } et { $high } min
waiting-paused = Personne n’entre pour l’instant
waiting-soon = Moins d’une minute
waiting-long = Plus de { $low } min
waiting-toward = Entrée vers { $low }
waiting-between = Entrée entre { $low } et { $high }
waiting-by-itself = La page avance toute seule, environ toutes les { $seconds } secondes.
waiting-no-reload = Recharger ne fait ni gagner ni perdre de place.
waiting-checked = État vu à { $hour }
waiting-lesson = { $form ->
    [tu] Ton cours t’attend aussi : { $lesson }, { $hour }.
    [neutral] Le cours attend aussi : { $lesson }, { $hour }.
   *[vous] Votre cours attend aussi : { $lesson }, { $hour }.
}

## Quand quelque chose ne va pas
problem-operation = Numéro à donner à l’assistance : { $number }
problem-absent = Cette page n’existe pas, ou elle n’est pas à vous
problem-absent-text = L’adresse est peut-être ancienne. Rien n’a été changé.
problem-fault = Préau n’a pas pu répondre
problem-fault-text = La faute est de notre côté et elle est notée. Rien n’a été enregistré à moitié. Réessayez dans un instant.
problem-home = Revenir à la journée

## Le cours en direct
live-needs-script = La classe en direct a besoin de JavaScript. Le travail et les documents restent accessibles sans lui.
live-stage = Image et voix du cours
live-captions = Sous-titres
live-board = Tableau
live-document = Document montré
live-hands = Mains levées
live-pupils = Élèves présents
live-chat = Discussion
live-poll = Question à la classe
live-tools = Ce que la classe fait ensemble
live-controls = Commandes de la classe

## Import
import-title = Importer les personnes et les classes
import-steps = Étapes de l’import
import-step-drop = Déposer
import-step-look = Vérifier
import-step-apply = Appliquer
import-file = Fichier ou fichiers à lire
import-file-hint = AAF (.tgz ou .xml), OneRoster (.zip) ou tableau CSV. { $largest } au plus.
import-nothing-yet = Rien ne sera changé maintenant : l’étape suivante montre ce qui changerait.
import-look = Vérifier ce fichier
import-look-title = Ce qui changerait
import-counts = Ajouts, changements et retraits
import-what = Quoi
import-added = Ajoutés
import-changed = Changés
import-removed = Retirés
import-same = Inchangés
import-skipped = { $count ->
    [one] { $count } ligne laissée de côté
   *[other] { $count } lignes laissées de côté
}
import-skipped-text = Le reste du fichier peut être appliqué sans elles.
import-skipped-table = Lignes laissées de côté
import-line = Ligne
import-reason = Pourquoi
import-same-all = Tout est déjà à jour
import-same-all-text = Ce fichier ne contient rien de nouveau : il n’y a rien à appliquer.
import-guard = { $count ->
    [one] { $count } personne serait retirée
   *[other] { $count } personnes seraient retirées
}
import-guard-text = C’est { $percent } % de l’établissement, plus qu’un changement ordinaire. Le fichier est peut-être incomplet.
import-guard-tick = Ces retraits sont voulus
import-all-or-nothing = Tout est appliqué d’un coup, ou rien. L’appliquer deux fois ne change rien de plus.
import-apply = Appliquer
import-discard = Ne rien changer
import-changes = Dans le détail
import-tag-added = ajouté
import-tag-changed = changé
import-tag-removed = retiré
import-more = { $count ->
    [one] et { $count } autre changement
   *[other] et { $count } autres changements
}
