# Les pages de l’entrée : ce qu’elles disent en plus de la salle d’attente.
waiting-unsaved = { $form ->
    [tu] Ce que tu viens d’envoyer n’a pas été enregistré.
    [neutral] Ce qui vient d’être envoyé n’a pas été enregistré.
   *[vous] Ce que vous venez d’envoyer n’a pas été enregistré.
}
waiting-unsaved-text = Le bouton Retour du navigateur le montre encore : à copier maintenant, et à envoyer de nouveau une fois à l’intérieur.

status-up = Préau répond.
status-since = En marche : { $moment }.
status-still = Préau répond, mais la file n’avance plus.
status-still-text = À l’intérieur, tout continue. La place de chacun dans la file est gardée.
status-inside = { $count ->
    [one] { $count } personne à l’intérieur
   *[other] { $count } personnes à l’intérieur
}
status-seats = { $count ->
    [one] Pour { $count } place
   *[other] Pour { $count } places
}
status-nobody-waits = Personne n’attend
status-waiting = { $count ->
    [one] { $count } personne attend
   *[other] { $count } personnes attendent
}
status-no-wait = On entre tout de suite.
status-wait = Pour qui arrive maintenant : { $estimate }
status-enter = Entrer dans Préau

waiting-opens = { $form ->
    [tu] Ton accès ouvre à { $hour }.
    [neutral] L’accès ouvre à { $hour }.
   *[vous] Votre accès ouvre à { $hour }.
}
waiting-opens-text = Toute la classe entre ensemble : venir plus tôt ou recharger n’y change rien.
waiting-drawn = L’ordre est tiré au sort à { $hour }.
waiting-drawn-text = Tous ceux qui arrivent avant participent au tirage, à égalité.
waiting-code = Code de la classe
waiting-code-shape = XXXX-XXXX-XXXX
waiting-code-send = Valider
waiting-code-have = J’ai un code de classe
waiting-code-then = Cette page attend la saisie. Ensuite, l’attente reprend à la même place, ou plus près.
waiting-code-back = Attendre sans code
waiting-code-text = { $form ->
    [tu] Ton professeur l’affiche ou le dicte. Sans code, l’attente continue, un peu plus longue.
    [neutral] Le professeur l’affiche ou le dicte. Sans code, l’attente continue, un peu plus longue.
   *[vous] Le professeur l’affiche ou le dicte. Sans code, l’attente continue, un peu plus longue.
}

out-title = Le service ne répond pas
out-kept = La place est gardée, et rien de ce qui était enregistré n’est perdu.
out-by-itself = Cette page réessaie toute seule, toutes les { $seconds } secondes.
