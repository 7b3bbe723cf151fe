# Today: what the pages say besides the common texts
today-roles = Page shown
today-desk = What to do here
today-nobody-opened-yet = The class is not open yet. This page will show it by itself.
today-class-ended = The live class is over.
today-you-open-at = The class can be opened from { $hour }.
today-roll-left = Roll of { $class } to call
today-child-in = { $subject } until { $hour }
today-child-next = { $subject } at { $hour }
today-child-over = Day over at { $hour }

kept-title = Your day
kept-offer = See my day
kept-saved = Saved on { $moment }
kept-no-answer = Préau does not answer at the moment.
kept-no-answer-text = This is what this device had kept for you; the timetable may have changed since.
kept-again = Try again
kept-no-lessons = No lessons saved for the days to come.
