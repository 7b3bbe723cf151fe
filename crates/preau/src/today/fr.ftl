# Aujourd’hui : ce que disent les pages en plus des textes communs
today-roles = Page affichée
today-desk = Que faire ici
today-nobody-opened-yet = La classe n’est pas encore ouverte. Cette page le montrera d’elle-même.
today-class-ended = La classe en direct est terminée.
today-you-open-at = La classe peut s’ouvrir à partir de { $hour }.
today-roll-left = Appel de { $class } à faire
today-child-in = { $subject } jusqu’à { $hour }
today-child-next = { $subject } à { $hour }
today-child-over = Journée finie à { $hour }

kept-title = { $form ->
    [tu] Ta journée
    [neutral] La journée
   *[vous] Votre journée
}
kept-offer = Voir ma journée
kept-saved = Enregistrée { $moment }
kept-no-answer = Préau ne répond pas pour l’instant.
kept-no-answer-text = { $form ->
    [tu] Voici ce que cet appareil avait gardé pour toi ; l’emploi du temps a pu changer depuis.
    [neutral] Voici ce que cet appareil avait gardé ; l’emploi du temps a pu changer depuis.
   *[vous] Voici ce que cet appareil avait gardé pour vous ; l’emploi du temps a pu changer depuis.
}
kept-again = Réessayer
kept-no-lessons = Pas de cours enregistré pour les jours qui viennent.
