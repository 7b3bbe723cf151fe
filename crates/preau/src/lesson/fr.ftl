# La classe en direct
refusal-live-closed = La classe n’est pas ouverte
refusal-live-closed-meaning = Elle s’ouvre quand le professeur l’ouvre, au plus tôt un quart d’heure avant le cours.
refusal-live-not-now = Ce n’est pas l’heure de cette classe
refusal-live-not-now-meaning = Une classe peut s’ouvrir d’un quart d’heure avant le cours à dix minutes après.
refusal-live-cancelled = Ce cours n’a pas lieu
refusal-live-cancelled-meaning = Il est annulé ou remplacé dans l’emploi du temps : sa classe ne peut pas s’ouvrir.
refusal-live-hand-of-pupils = Seuls les élèves lèvent la main
refusal-live-hand-of-pupils-meaning = Les professeurs et les visiteurs n’en ont pas besoin.
refusal-live-message-too-long = Ce message est trop long
refusal-live-message-too-long-meaning = Un message a 1 000 caractères au plus.
refusal-live-reason-too-long = Ce motif est trop long
refusal-live-reason-too-long-meaning = Un motif a 200 caractères au plus.
refusal-live-locked = La classe est fermée à clé
refusal-live-locked-meaning = Le professeur voit qui attend à la porte et peut vous laisser entrer.
