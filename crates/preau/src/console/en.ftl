# The operator's console.
console-title = Préau: the entrance
console-refused = Order refused, nothing has changed.
console-still = The queue has not moved for ten seconds.
console-ill = The service does not answer: nobody new comes in while that lasts.
console-stopped = Emergency stop: nobody comes in any more. Who is inside stays.
console-seats = { $taken ->
    [one] seat taken of { $seats }
   *[other] seats taken of { $seats }
}
console-cause-configured = That is the number in the configuration.
console-cause-ceiling = That is the operator’s ceiling.
console-cause-ramp = Nothing saturates: the pace is growing.
console-cause-headroom = That is what “{ $valve }” bears, less a reserve.
console-cause-saturated = “{ $valve }” is saturated: the pace was halved.
console-cause-floor = That is the operator’s floor.
console-cause-leased = That is this node’s lease from the common store.
console-cause-severed = The common store does not answer: the last lease goes on.
console-nodes = { $nodes } nodes share { $seats } seats, { $lease } of them here
console-severed = The common store has not answered for { $seconds } s.
console-set-aside = { $count ->
    [one] seat set aside for lessons
   *[other] seats set aside for lessons
}
console-pace = people in a second, at most
console-toll = bits for a stranger to compute
console-given-up = Given up for now:
console-rung-analytics = usage figures
console-rung-downloads = bulk downloads
console-rung-high-video = high-definition video
console-rung-pupil-cameras = pupils’ cameras
console-rung-search = search and history
console-rung-screen-rate = smoothness of shared screens
console-rung-teacher-camera = the teacher’s camera
console-rung-new-unknown = new unknown devices
console-rung-new-known = new known devices
console-rung-new-lessons = new lessons
console-lanes = Lanes
console-lane = Lane
console-lane-teacher = teachers
console-lane-lesson = lessons
console-lane-known = known devices
console-lane-unknown = unknown devices
console-seated = Inside
console-waiting = Waiting
console-per-minute = In/min
console-watermark = Called up to
console-new = Newcomers
console-open = Open again: { $lane }
console-close = Close: { $lane }
console-valves = Valves
console-valve = Valve
console-inflight = Under way / limit
console-in-line = In line
console-served = Served/s
console-refused-now = Refused/s
console-median = Median time
console-millis = { $span } ms
console-why = Why
console-limit-start = nothing is known yet
console-limit-idle = less than half is in use
console-limit-rising = no line inside: rising
console-limit-steady = a short line inside: steady
console-limit-falling = a line inside: falling
console-limit-probing = measuring a new base
console-limit-rebased = a new base was taken
console-limit-failing = failures: cut
console-limit-silent = no answers: cut
console-limit-ceiling = ceiling
console-limit-floor = floor
console-orders = Orders
console-orders-text = Every order is written into the journal before it takes effect.
console-ceiling = Ceiling (people)
console-floor = Floor (people)
console-as-configured = as configured
console-set = Set
console-message = Message to all who wait
console-tell = Show
console-guard-on = Guard against strangers
console-guard-off = Stop guarding against strangers
console-stop-on = Emergency stop
console-stop-off = End the emergency stop
console-end = End all sessions…
console-end-text = Everybody is put out and may come back through the queue. Lessons are interrupted for a moment.
console-end-really = End all sessions
console-all-waiting = { $count ->
    [one] person waiting
   *[other] people waiting
}
console-opened = come in
console-closed = stay out
console-message-hint = 300 characters at most. Empty, the message is taken back.
console-lanes-orders = Who may still come in
console-told = What those who wait are told
console-give = Give an order…
console-back = Back to the figures
console-renews = The figures renew themselves every { $seconds } seconds.
console-stands = This page does not renew itself: take the time to write.
console-valve-pages = pages
console-valve-processor = the processor
console-valve-writes = writes
console-valve-downloads = downloads
console-valve-sign-in = sign-ins
