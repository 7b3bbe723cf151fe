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
