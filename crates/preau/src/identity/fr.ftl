# Comptes, connexion, codes d'activation
nav-people = Comptes
sign-in-wait-seconds = { $count ->
    [one] Trop d’essais à la suite. Attendez une seconde, puis essayez encore.
   *[other] Trop d’essais à la suite. Attendez { $count } secondes, puis essayez encore.
}
sign-in-wait-minutes = { $count ->
    [one] Trop d’essais à la suite. Attendez une minute, puis essayez encore ; un professeur ou la vie scolaire peut aussi aider.
   *[other] Trop d’essais à la suite. Attendez { $count } minutes, puis essayez encore ; un professeur ou la vie scolaire peut aussi aider.
}
password-long = Ce mot de passe est trop long.
password-guessable = Ce mot de passe se devine trop vite : un nom, une date ou un mot que tout le monde essaie. Quelques mots sans rapport conviennent.

account-title = { $form ->
    [tu] Ton compte
   *[vous] Votre compte
}
account-login = Identifiant :
account-children = { $form ->
    [tu] Tes enfants
   *[vous] Vos enfants
}
account-children-hint = Mot de passe oublié ? Un nouveau code s’obtient ici.
account-password = Changer de mot de passe
account-current = Mot de passe actuel
account-new = Nouveau mot de passe
account-password-effect = Les autres appareils connectés à ce compte seront déconnectés.
account-password-go = Changer le mot de passe
account-wrong-password = Ce n’est pas le mot de passe actuel.
account-sessions = Appareils connectés
account-this-device = Cet appareil
account-other-device = Un autre appareil
account-opened = connecté { $when }
account-remembered = gardé en mémoire
account-everywhere = Déconnecter tous les appareils
account-everywhere-meaning = Un téléphone perdu, un ordinateur resté ouvert ? Cela ferme tout, ici aussi.

people-title = Comptes
people-meaning = Mot de passe oublié, première visite : donnez un nouveau code, tout de suite et sans adresse électronique.
people-search = Chercher une personne
people-search-hint = Nom ou prénom, en entier ou en partie : élève, responsable ou personnel
people-search-go = Chercher
people-found = { $count ->
    [0] Personne de ce nom
    [one] Une personne
   *[other] { $count } personnes
}
people-classes = Classes et groupes
people-no-class = Aucune classe
people-no-class-meaning = Les classes s’afficheront ici après l’import de l’établissement.
people-class = Comptes de { $class }
people-no-pupil = Cette liste est vide
people-no-pupil-meaning = Aucun élève n’est inscrit dans ce groupe.
people-code-meaning = L’ancien mot de passe reste valable tant que le nouveau code n’a pas servi.
people-new-code = Nouveau code
people-new-code-for = Nouveau code pour { $name }
people-activated = Compte activé
people-not-activated = À activer
people-blocked = Bloqué jusqu’au nouveau code
people-block = Bloquer tout de suite l’ancien mot de passe
people-block-hint = À cocher si quelqu’un d’autre le connaît : tous les appareils sont déconnectés

sheets-print = Feuilles d’activation
sheets-print-meaning = Une bande à découper par personne, avec un nouveau code. Les codes donnés avant et pas encore utilisés ne vaudront plus.
sheets-all = Aussi pour les comptes déjà activés
sheets-all-hint = Leur mot de passe reste valable tant que le code n’a pas servi
sheets-pupils = Feuilles des élèves
sheets-guardians = Feuilles des responsables
sheets-title = Feuilles d’activation
sheets-one-title = Nouveau code
sheets-once = Imprimez ou notez maintenant : ces codes ne seront plus montrés.
sheets-none = Rien à imprimer
sheets-none-meaning = Tous ces comptes sont déjà activés.
sheets-address = Adresse :
sheets-code = Code d’activation :
sheets-until = À utiliser une seule fois, avant la fin du { $day }. Ne le montrez à personne.
signed-out-title = À bientôt !
signed-out-here = La session est fermée.
signed-out-everywhere = Tous les appareils sont déconnectés.
signed-out-shared = Sur un ordinateur partagé, vous pouvez laisser la place.
signed-out-again = Se connecter de nouveau
flash-password-changed = Le mot de passe est changé ; les autres appareils sont déconnectés.
