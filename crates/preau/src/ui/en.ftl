# The texts of the interface in English. Same keys and variables as fr.ftl.

platform-name = Préau

shell-skip = Skip to content
shell-home = { $school }: home
shell-menu = Main menu
shell-account = Account and settings
shell-own-account = Account and password
shell-sign-out = Sign out
shell-strained = Many people at the moment: what can wait is suspended. Lessons, roll call and work go on.
shell-help = Help
shell-status = Service status
shell-accessibility = Accessibility

display-title = Display
display-theme = Colours
display-theme-auto = As the device
display-theme-light = Light
display-theme-dark = Dark
display-spacing = Text
display-spacing-normal = Ordinary
display-spacing-wide = Large and airy

form-cancel = Cancel
form-save = Save

pages-label = Pages
pages-previous = Previous page
pages-next = Next page
pages-where = Page { $current } of { $last }

## Dates and hours
date-monday = Monday
date-tuesday = Tuesday
date-wednesday = Wednesday
date-thursday = Thursday
date-friday = Friday
date-saturday = Saturday
date-sunday = Sunday
date-mon = Mon
date-tue = Tue
date-wed = Wed
date-thu = Thu
date-fri = Fri
date-sat = Sat
date-sun = Sun
date-january = January
date-february = February
date-march = March
date-april = April
date-may = May
date-june = June
date-july = July
date-august = August
date-september = September
date-october = October
date-november = November
date-december = December
date-jan = Jan
date-feb = Feb
date-mar = Mar
date-apr = Apr
date-may-short = May
date-jun = Jun
date-jul = Jul
date-aug = Aug
date-sep = Sep
date-oct = Oct
date-nov = Nov
date-dec = Dec
date-now = now
date-today = today
date-tomorrow = tomorrow
date-yesterday = yesterday
date-moment = { $day } at { $hour }
date-minutes = { $count } min
date-hours = { $count } h
date-hours-minutes = { $hours } h { $minutes }
date-days = { $count ->
    [one] { $count } day
   *[other] { $count } days
}
date-in = in { $length }
date-ago = { $length } ago
date-due-today = for today
date-due-tomorrow = for tomorrow, { $date }
date-due = for { $date }

## Sign-in
sign-in-title = Sign in
sign-in-welcome = Hello. This is the way in.
sign-in-login = Login
sign-in-login-hint = Mostly firstname.lastname, without accents
sign-in-password = Password
sign-in-remember = Remember this device
sign-in-remember-hint = Do not tick this on a shared computer
sign-in-go = Enter
sign-in-elsewhere = Or with another account
sign-in-first = First visit?
sign-in-first-hint = Activate the account with the code received on paper
sign-in-lost = Forgotten the password?
sign-in-lost-hint = A teacher or the student life office can give you a new one at once, without e-mail
sign-in-refused = The login or the password is not right. Check both, then try again; if it goes on, a teacher or the student life office can help.

## First visit
activation-title = First visit
activation-steps = Steps
activation-step-code = Code
activation-step-person = Identity
activation-step-password = Password
activation-step-done = Ready
activation-code = Activation code
activation-code-hint = It is printed on the sheet you received from the school and is valid for 30 days
activation-code-unknown = This code is unknown or no longer valid. Compare it with the sheet; if it is right, ask the school for a new one.
activation-next = Continue
activation-is-it-you = Is this you?
activation-yes = Yes, that is me
activation-no = No, that is not me
activation-your-login = Your login will be:
activation-password = Choose a password
activation-password-hint = At least { $count } characters. A few unrelated words are easy to remember.
activation-password-short = This password is too short.
activation-password-differs = The two passwords are not the same.
activation-again = The same once more
activation-choose = Choose this password
activation-done = Your account is ready
activation-remember = Note your login: you will need it at every sign-in.
activation-enter = Sign in

## Refusals: what happened, what it means, what to do
refusal-home = Back to the start
refusal-operation = Operation number { $number }: give it to whoever looks after Préau.
refusal-not-found = This page does not exist
refusal-not-found-meaning = The address may be incomplete, or the page is not for this account.
refusal-sign-in-first = Please sign in first
refusal-sign-in-first-meaning = The session has ended. Once you have signed in, the page opens again.
refusal-forged = The page had been open for too long
refusal-forged-meaning = Nothing was saved. Go back to the previous page, reload it and try again.
refusal-too-large = That is too large
refusal-too-large-meaning = The limit is { $mebibytes } MB. Nothing was saved; a smaller picture will do.
refusal-interrupted = The upload broke off
refusal-interrupted-meaning = Nothing was saved. The connection was probably lost: please try again.
refusal-malformed = The request cannot be read
refusal-malformed-meaning = Nothing was saved. Go back to the previous page and try again.
refusal-busy = Many people at the moment
refusal-busy-meaning = Nothing is lost. The page tries again by itself in a few seconds.
refusal-internal = Something went wrong on our side
refusal-internal-meaning = Nothing was saved. Try again in a moment; if it lasts, report it with the number below.
refusal-too-many-files = Too many files
refusal-too-many-files-meaning = Nothing was saved. Take a few away and try again.
refusal-file-kind = This kind of file is not accepted
refusal-file-kind-meaning = Nothing was saved. Accepted: photos, PDF, text documents, spreadsheets, presentations, plain text, usual sound and video.
refusal-hand-in-empty = There is nothing to hand in
refusal-hand-in-empty-meaning = Write a text or choose a file or photo, then try again.
refusal-hand-in-too-long = The text is too long
refusal-hand-in-too-long-meaning = The limit is 8,000 characters. Beyond that, attach a document.

role-pupil = Pupil
role-guardian = Guardian
role-teacher = Teacher
role-librarian = Librarian
role-supervisor = Student life
role-counsellor = Counsellor
role-head = Head
role-staff = Staff
role-local-admin = Local administrator
role-authority = Authority

file-size-kb = { $size } KB
file-size-mb = { $size } MB

## Today
today-title = Today
today-hello = Hello { $name }
today-join = Join
today-lessons = The day
today-no-lessons = No lessons today
today-no-lessons-text = The timetable of this day is empty.
today-over = Today’s lessons are over
today-cancelled = cancelled
today-work = Work to do
today-no-work = Nothing to do for now
today-no-work-text = Work given by the teachers will show here.
today-work-done = done
today-notices = To read
today-arrived = pupils have arrived
today-register-do = Call the roll
today-register-go-on = Go on with the roll
today-register-done = Roll called
today-register-begun = Roll begun
today-register-todo = Roll to call
today-tasks = Waiting for you
today-no-tasks = Nothing is waiting.
today-write-work = Give work
today-open-class = Open the class { $class }
today-opens-at = The class opens at { $hour }. This page will show it by itself.
today-not-opened-yet = { $teacher } has not opened the class yet. This page will show it by itself.
today-still = { $length } left
today-no-children = No child is linked to this account
today-no-children-text = The school can correct this: its office keeps the records up to date.
today-child-work = { $count ->
    [one] { $count } piece of work to do
   *[other] { $count } pieces of work to do
}
today-child-no-work = All done
today-justify = Justify
today-report-absence = Report an absence
today-student-life = Who is missing?
today-enter-absence = Enter an absence
today-not-seen = pupils not seen yet
today-seen = pupils seen
today-registers-closed = rolls called
today-missing = Pupils not seen yet
today-missing-of = { $count ->
    [one] { $class }, { $count } pupil
   *[other] { $class }, { $count } pupils
}
today-nobody-missing = Everybody is here
today-nobody-missing-text = Every expected pupil has been seen since the hour began.
today-announced = announced by the family
today-absent = absent at roll call
today-roll-open = roll not called yet
today-head = The school at this moment
today-write-notice = Write to all
today-classes-open = classes open
today-present = pupils present
today-at-gate = people at the entrance
today-school-lessons = The lessons of this hour
today-no-lessons-now = No lesson at this hour
today-no-lessons-now-text = Lessons taking place will show here.
today-open = open
today-not-open = not open

column-pupil = Pupil
column-class = Class
column-since = Since
column-lesson = Lesson
column-state = State
column-subject = Subject
column-teacher = Teacher
column-present = Present
column-register = Roll

## Waiting room
waiting-title = At the entrance
waiting-headline = Everybody is arriving at once.
waiting-place-kept = Your place is kept.
waiting-noted = Your presence is noted.
waiting-noted-since = Your presence has been noted since { $hour }.
waiting-people-before = { $count ->
    [one] { $count } person is waiting
   *[other] { $count } people are waiting
} before you
waiting-nobody-before = It is nearly your turn.
waiting-about = About { $low } min
waiting-range = Between { $low } and { $high } min
waiting-paused = Nobody is let in at the moment
waiting-soon = Less than a minute
waiting-long = More than { $low } min
waiting-toward = Entry about { $low }
waiting-between = Entry between { $low } and { $high }
waiting-by-itself = The page moves on by itself, about every { $seconds } seconds.
waiting-no-reload = Reloading neither gains nor loses a place.
waiting-checked = State seen at { $hour }
waiting-lesson = Your lesson is waiting too: { $lesson }, { $hour }.

## When something is wrong
problem-operation = Number to give to support: { $number }
problem-absent = This page does not exist, or it is not yours
problem-absent-text = The address may be old. Nothing has been changed.
problem-fault = Préau could not answer
problem-fault-text = The fault is ours and it has been noted. Nothing was saved by halves. Try again in a moment.
problem-home = Back to the day

## The live lesson
live-needs-script = The live class needs JavaScript. Work and documents remain available without it.
live-stage = Picture and voice of the lesson
live-captions = Captions
live-board = Board
live-document = Document on show
live-hands = Raised hands
live-pupils = Pupils present
live-chat = Chat
live-poll = Question to the class
live-tools = What the class does together
live-controls = Class controls

## Import
import-title = Import people and classes
import-steps = Steps of the import
import-step-drop = Drop
import-step-look = Check
import-step-apply = Apply
import-file = File or files to read
import-file-hint = AAF (.tgz or .xml), OneRoster (.zip) or a CSV table. { $largest } at most.
import-nothing-yet = Nothing is changed now: the next step shows what would change.
import-look = Check this file
import-look-title = What would change
import-counts = Additions, changes and removals
import-what = What
import-added = Added
import-changed = Changed
import-removed = Removed
import-same = Unchanged
import-skipped = { $count ->
    [one] { $count } line left aside
   *[other] { $count } lines left aside
}
import-skipped-text = The rest of the file can be applied without them.
import-skipped-table = Lines left aside
import-line = Line
import-reason = Why
import-same-all = Everything is up to date
import-same-all-text = This file holds nothing new: there is nothing to apply.
import-guard = { $count ->
    [one] { $count } person would be removed
   *[other] { $count } people would be removed
}
import-guard-text = That is { $percent } % of the school, more than an ordinary change. The file may be incomplete.
import-guard-tick = These removals are intended
import-all-or-nothing = Everything is applied at once, or nothing. Applying it twice changes nothing more.
import-apply = Apply
import-discard = Change nothing
import-changes = In detail
import-tag-added = added
import-tag-changed = changed
import-tag-removed = removed
import-more = { $count ->
    [one] and { $count } other change
   *[other] and { $count } other changes
}
