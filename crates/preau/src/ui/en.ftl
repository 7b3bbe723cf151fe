# The texts of the interface in English. Same keys and variables as fr.ftl.

platform-name = Préau

shell-skip = Skip to content
shell-home = { $school }: home
shell-menu = Main menu
shell-account = { $name }: account and settings
shell-sign-out = Sign out
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
