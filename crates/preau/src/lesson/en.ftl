# The live lesson
refusal-live-closed = The class is not open
refusal-live-closed-meaning = It opens when the teacher opens it, at the earliest a quarter of an hour before the lesson.
refusal-live-not-now = It is not time for this class
refusal-live-not-now-meaning = A class can be opened from a quarter of an hour before the lesson to ten minutes after it.
refusal-live-cancelled = This lesson does not take place
refusal-live-cancelled-meaning = It is cancelled or replaced in the timetable: its class cannot be opened.
refusal-live-hand-of-pupils = Only pupils raise a hand
refusal-live-hand-of-pupils-meaning = Teachers and visitors do not need to.
refusal-live-message-too-long = This message is too long
refusal-live-message-too-long-meaning = A message has 1,000 characters at most.
refusal-live-reason-too-long = This reason is too long
refusal-live-reason-too-long-meaning = A reason has 200 characters at most.
refusal-live-locked = The class is locked
refusal-live-locked-meaning = The teacher sees who waits at the door and can let you in.
