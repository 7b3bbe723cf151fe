# L'appel

roll-title = Appel de { $class }
roll-explain = Déjà rempli d’après les arrivées. Corrigez ce qui doit l’être, puis terminez l’appel.
roll-open = L’appel n’est pas encore terminé. Voici ce que montrent les arrivées et ce qui est déjà noté.
roll-present = Présent
roll-late = Retard
roll-late-by = Retard de { $minutes } min
roll-absent = Absent
roll-minutes = Minutes de retard
roll-minutes-of = Minutes de retard : { $name }
roll-seen-inside = dans la classe depuis { $hour }
roll-seen-gate = à l’entrée depuis { $hour }
roll-not-seen = pas encore vu
roll-announced = absence annoncée
roll-waited = attendait à l’entrée depuis { $hour }
roll-left = a quitté la classe à { $hour }
roll-seen-all-the-same = vu pourtant
roll-corrected = corrigé à { $hour } par { $name }
roll-total = { $present } présents dont { $late } en retard, { $absent ->
    [one] { $absent } absent
   *[other] { $absent } absents
}
roll-save = Garder pour plus tard
roll-close = Terminer l’appel
roll-closed-at = Appel terminé { $moment } par { $name }
roll-closed-hint = La vie scolaire peut encore le corriger.
roll-correct-hint = Chaque correction garde son auteur et son heure.
roll-correct = Enregistrer les corrections
roll-reopen = Rouvrir l’appel
roll-reopen-title = Rouvrir cet appel ?
roll-reopen-meaning = Le professeur pourra de nouveau le modifier et devra le terminer. Ce qui est noté reste.
roll-reopen-go = Rouvrir
roll-empty = Cette liste est vide
roll-empty-text = Aucun élève n’est inscrit dans ce groupe. Le référent numérique peut corriger cela.
flash-register-saved = C’est gardé. L’appel reste à terminer.
flash-register-closed = L’appel est terminé.
flash-register-corrected = Les corrections sont enregistrées.
flash-register-reopened = L’appel est rouvert.
refusal-register-cancelled = Ce cours n’a pas lieu
refusal-register-cancelled-meaning = Il n’y a pas d’appel à faire pour un cours annulé.
refusal-register-closed = Cet appel est déjà terminé
refusal-register-closed-meaning = Rien n’a été changé. Pour une correction, adressez-vous à la vie scolaire.
refusal-register-reopened = Cet appel vient d’être rouvert
refusal-register-reopened-meaning = Rien n’a été changé. Revenez à l’appel : il se remplit et se termine comme d’habitude.
refusal-register-too-early = Le cours n’a pas commencé
refusal-register-too-early-meaning = L’appel se termine une fois le cours commencé. Ce qui est à corriger peut déjà être gardé pour plus tard.
refusal-register-minutes = Les minutes de retard ne sont pas lisibles
refusal-register-minutes-meaning = Écrivez un nombre entier entre 1 et 600, ou laissez vide. Rien n’a été changé.
