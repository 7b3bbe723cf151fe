# La console de l’exploitant.
console-title = Préau : l’entrée
console-refused = Ordre refusé, rien n’a changé.
console-still = La file n’avance plus depuis dix secondes.
console-ill = Le service ne répond pas : personne d’autre n’entre tant que cela dure.
console-stopped = Arrêt d’urgence : plus personne n’entre. Qui est à l’intérieur y reste.
console-seats = { $taken ->
    [one] place prise sur { $seats }
   *[other] places prises sur { $seats }
}
console-cause-configured = C’est le nombre fixé par la configuration.
console-cause-ceiling = C’est le plafond de l’exploitant.
console-cause-ramp = Rien ne sature : le débit augmente.
console-cause-headroom = C’est ce que « { $valve } » supporte, moins une réserve.
console-cause-saturated = « { $valve } » sature : le débit vient d’être divisé par deux.
console-cause-floor = C’est le plancher de l’exploitant.
console-cause-leased = C’est la part de ce nœud, donnée par le registre commun.
console-cause-severed = Le registre commun ne répond pas : la dernière part reste en vigueur.
console-nodes = { $nodes } nœuds se partagent { $seats } places, dont { $lease } ici
console-severed = Le registre commun ne répond plus depuis { $seconds } s.
console-set-aside = { $count ->
    [one] place gardée pour des cours
   *[other] places gardées pour des cours
}
console-pace = entrées par seconde, au plus
console-toll = bits à calculer pour un inconnu
console-given-up = Abandonné pour l’instant :
console-rung-analytics = mesures d’usage
console-rung-downloads = téléchargements en masse
console-rung-high-video = vidéo haute définition
console-rung-pupil-cameras = caméras des élèves
console-rung-search = recherche et historique
console-rung-screen-rate = fluidité des écrans partagés
console-rung-teacher-camera = caméra du professeur
console-rung-new-unknown = nouveaux appareils inconnus
console-rung-new-known = nouveaux appareils connus
console-rung-new-lessons = nouveaux cours
console-lanes = Files
console-lane = File
console-lane-teacher = professeurs
console-lane-lesson = cours
console-lane-known = appareils connus
console-lane-unknown = appareils inconnus
console-seated = À l’intérieur
console-waiting = Attendent
console-per-minute = Entrées/min
console-watermark = Appelé jusqu’à
console-new = Nouveaux venus
console-open = Rouvrir : { $lane }
console-close = Fermer : { $lane }
console-valves = Vannes
console-valve = Vanne
console-inflight = En cours / limite
console-in-line = En attente
console-served = Servies/s
console-refused-now = Refusées/s
console-median = Temps médian
console-millis = { $span } ms
console-why = Pourquoi
console-limit-start = rien n’est encore connu
console-limit-idle = moins de la moitié sert
console-limit-rising = pas de file interne : monte
console-limit-steady = courte file interne : stable
console-limit-falling = file interne : descend
console-limit-probing = mesure d’une nouvelle base
console-limit-rebased = nouvelle base prise
console-limit-failing = échecs : réduite
console-limit-silent = plus de réponse : réduite
console-limit-ceiling = plafond
console-limit-floor = plancher
console-orders = Ordres
console-orders-text = Chaque ordre est inscrit au journal avant de prendre effet.
console-ceiling = Plafond (personnes)
console-floor = Plancher (personnes)
console-as-configured = comme configuré
console-set = Fixer
console-message = Message à tous ceux qui attendent
console-tell = Afficher
console-guard-on = Se garder des inconnus
console-guard-off = Ne plus se garder des inconnus
console-stop-on = Arrêt d’urgence
console-stop-off = Lever l’arrêt d’urgence
console-end = Terminer toutes les sessions…
console-end-text = Tout le monde sort, et peut revenir par la file. Les cours en cours sont coupés un instant.
console-end-really = Terminer toutes les sessions
console-all-waiting = { $count ->
    [one] personne attend
   *[other] personnes attendent
}
console-opened = entrent
console-closed = n’entrent pas
console-message-hint = 300 caractères au plus. Vide, le message est retiré.
console-lanes-orders = Qui peut encore entrer
console-told = Ce que lisent ceux qui attendent
console-give = Donner un ordre…
console-back = Revenir aux chiffres
console-renews = Les chiffres se renouvellent toutes les { $seconds } secondes.
console-stands = Cette page ne se renouvelle pas : prenez le temps d’écrire.
console-valve-pages = pages
console-valve-processor = le processeur
console-valve-writes = écritures
console-valve-downloads = téléchargements
console-valve-sign-in = connexions
