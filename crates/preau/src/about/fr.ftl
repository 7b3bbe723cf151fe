# Aide et accessibilité
help-title = Aide
help-sign-in = Se connecter
help-sign-in-text = { $form ->
    [tu] Le plus souvent, ton identifiant s’écrit prénom.nom, sans accent ni majuscule. Si quelqu’un porte le même nom que toi, un chiffre suit : prénom.nom.2.
   *[vous] Le plus souvent, l’identifiant s’écrit prénom.nom, sans accent ni majuscule. Si quelqu’un d’autre porte le même nom, un chiffre suit : prénom.nom.2.
}
help-password = Mot de passe oublié
help-password-text = { $form ->
    [tu] Demande à l’un de tes professeurs ou à la vie scolaire : ils te donnent un nouveau code en une minute, sans adresse électronique. Un parent peut aussi le faire depuis son propre compte.
   *[vous] Élèves : un professeur ou la vie scolaire donne un nouveau code en une minute, sans adresse électronique ; un responsable peut aussi le faire depuis son propre compte. Responsables : la vie scolaire. Personnels : la direction ou le référent numérique.
}
help-first = Première visite
help-first-text = L’établissement remet une feuille avec un code de douze signes. Il vaut trente jours et ne sert qu’une fois.
help-waiting = La salle d’attente
help-waiting-text = { $form ->
    [tu] Quand tout le monde arrive en même temps, une page te garde ta place et note ta présence. Elle avance toute seule : recharger ne fait ni gagner ni perdre de place, et tu ne seras pas compté absent à cause d’elle.
   *[vous] Quand tout le monde arrive en même temps, une page garde votre place et note votre présence. Elle avance toute seule : recharger ne fait ni gagner ni perdre de place.
}
help-live = Le cours en direct
help-live-text = Le bouton « Rejoindre » paraît sur la page d’accueil quand le professeur a ouvert la classe. Le micro et la caméra des élèves restent coupés tant que le professeur ne les a pas permis.
help-live-sound = Pas de son ? Vérifiez le volume de l’appareil, puis touchez la page une fois : certains navigateurs attendent un geste avant de jouer du son.
help-work = Travail à faire
help-work-text = { $form ->
    [tu] Une photo nette de ton cahier suffit pour rendre un travail. Ce qui est rendu est daté ; tu peux le retirer et le remplacer.
   *[vous] Le cahier de textes montre le contenu des séances et le travail à faire. Les élèves rendent un texte, une photo ou un fichier.
}
help-shared = Sur un ordinateur partagé
help-shared-text = Ne pas cocher « Se souvenir de cet appareil », et se déconnecter avant de partir. En cas d’oubli, la page du compte permet de déconnecter tous les appareils à distance.
help-else = Autre chose ne va pas
help-else-text = Notez le numéro d’opération s’il y en a un sur la page, et donnez-le à la vie scolaire ou au référent numérique de l’établissement.

accessibility-title = Accessibilité
accessibility-heading = Déclaration d’accessibilité
accessibility-scope = L’établissement qui ouvre ce service s’engage à le rendre accessible, conformément à l’article 47 de la loi n° 2005-102 du 11 février 2005. Cette déclaration concerne Préau, à l’adresse où vous le lisez.
accessibility-state = État de conformité
accessibility-state-text = Aucun audit de conformité au RGAA 4.1 n’a encore été fait. Faute d’audit, et comme la règle le veut, le service se déclare non conforme.
accessibility-does = Ce qui est fait
accessibility-does-keyboard = Toutes les pages s’utilisent au clavier seul, avec un repère visible et un lien vers le contenu.
accessibility-does-contrast = Les contrastes sont ceux du niveau AA, en clair comme en sombre ; aucune information ne tient à la seule couleur.
accessibility-does-text = Le menu « Affichage » offre un texte plus grand et plus aéré ; les pages restent lisibles agrandies à 200 % et sur un écran étroit.
accessibility-does-script = La connexion, la journée, le travail à faire et la salle d’attente fonctionnent sans JavaScript.
accessibility-does-motion = Rien ne clignote, rien ne bouge sans qu’on l’ait demandé.
accessibility-lacks = Ce qui manque encore
accessibility-lacks-captions = Le cours en direct n’a pas de sous-titres ni d’interprétation en langue des signes ; la discussion écrite est disponible.
accessibility-lacks-files = Les documents déposés par les professeurs et les élèves ne sont pas vérifiés.
accessibility-lacks-readers = Les essais avec des lecteurs d’écran restent à compléter, en particulier dans le cours en direct.
accessibility-tell = Signaler une difficulté
accessibility-tell-text = Dites-le à la vie scolaire, à la direction ou au référent numérique de l’établissement : ils doivent une réponse et un autre accès au contenu.
accessibility-appeal = Voie de recours
accessibility-appeal-text = Si un défaut d’accessibilité empêche d’utiliser ce service et qu’aucune réponse satisfaisante n’est venue, le Défenseur des droits peut être saisi, gratuitement, en ligne, par téléphone au 09 69 39 00 00 ou par courrier sans timbre : Défenseur des droits, Libre réponse 71120, 75342 Paris CEDEX 07.
accessibility-appeal-link = Écrire au Défenseur des droits
