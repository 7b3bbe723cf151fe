# The pages of the entrance: what they say beyond the waiting room.
waiting-unsaved = What you have just sent was not saved.
waiting-unsaved-text = The browser’s Back button still shows it: copy it now, and send it again once you are inside.

status-up = Préau answers.
status-since = Running since: { $moment }.
status-still = Préau answers, but the queue has stopped moving.
status-still-text = Inside, everything goes on. Everyone’s place in the queue is kept.
status-inside = { $count ->
    [one] { $count } person inside
   *[other] { $count } people inside
}
status-seats = { $count ->
    [one] For { $count } seat
   *[other] For { $count } seats
}
status-nobody-waits = Nobody is waiting
status-waiting = { $count ->
    [one] { $count } person is waiting
   *[other] { $count } people are waiting
}
status-no-wait = You walk straight in.
status-wait = For somebody who comes now: { $estimate }
status-enter = Enter Préau

waiting-opens = Your access opens at { $hour }.
waiting-opens-text = The whole class comes in together: coming earlier or reloading changes nothing.
waiting-drawn = The order will be drawn at { $hour }.
waiting-drawn-text = Everybody who arrives before takes part in the draw, on equal terms.
waiting-code = Class code
waiting-code-shape = XXXX-XXXX-XXXX
waiting-code-send = Send
waiting-code-have = I have a class code
waiting-code-then = This page waits for what you type. Then you go on waiting in the same place, or a nearer one.
waiting-code-back = Wait without a code
waiting-code-text = Your teacher shows it or reads it out. Without a code you go on waiting, a little longer.

out-title = The service does not answer
out-kept = Your place is kept, and nothing that was saved is lost.
out-by-itself = This page tries again by itself, every { $seconds } seconds.
