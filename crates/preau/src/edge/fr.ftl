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
