# Accounts, sign-in, activation codes
nav-people = Accounts
sign-in-wait-seconds = { $count ->
    [one] Too many attempts in a row. Wait one second, then try again.
   *[other] Too many attempts in a row. Wait { $count } seconds, then try again.
}
sign-in-wait-minutes = { $count ->
    [one] Too many attempts in a row. Wait one minute, then try again; a teacher or the student life office can help too.
   *[other] Too many attempts in a row. Wait { $count } minutes, then try again; a teacher or the student life office can help too.
}
password-long = This password is too long.
password-guessable = This password is too easy to guess: a name, a date or a word that everybody tries. A few unrelated words are fine.

account-title = Your account
account-login = Login:
account-children = Your children
account-children-hint = Forgotten password? Get a new code here.
account-password = Change the password
account-current = Present password
account-new = New password
account-password-effect = The other devices signed in to this account will be signed out.
account-password-go = Change the password
account-wrong-password = This is not the present password.
account-sessions = Devices signed in
account-this-device = This device
account-other-device = Another device
account-opened = signed in { $when }
account-remembered = remembered
account-everywhere = Sign out all devices
account-everywhere-meaning = A lost phone, a computer left open? This closes everything, here too.

people-title = Accounts
people-meaning = Forgotten password, first visit: give a new code, at once and without e-mail.
people-search = Look for a person
people-search-hint = Name or first name, whole or in part: pupil, guardian or staff
people-search-go = Search
people-found = { $count ->
    [0] Nobody of that name
    [one] One person
   *[other] { $count } people
}
people-classes = Classes and groups
people-no-class = No class
people-no-class-meaning = Classes will show here once the school has been imported.
people-class = Accounts of { $class }
people-no-pupil = This list is empty
people-no-pupil-meaning = No pupil is enrolled in this group.
people-code-meaning = The old password stays valid until the new code has been used.
people-new-code = New code
people-new-code-for = New code for { $name }
people-activated = Account activated
people-not-activated = To be activated
people-blocked = Blocked until the new code is used
people-block = Block the old password at once
people-block-hint = Tick this if somebody else knows it: all devices are signed out

sheets-print = Activation sheets
sheets-print-meaning = One strip to cut out for each person, with a new code. Codes given before and not yet used are no longer valid.
sheets-all = Also for accounts already activated
sheets-all-hint = Their password stays valid until the code is used
sheets-pupils = Sheets for pupils
sheets-guardians = Sheets for guardians
sheets-title = Activation sheets
sheets-one-title = New code
sheets-once = Print or note this now: these codes will not be shown again.
sheets-none = Nothing to print
sheets-none-meaning = All these accounts are already activated.
sheets-address = Address:
sheets-code = Activation code:
sheets-until = To be used once, before the end of { $day }. Show it to nobody.
signed-out-title = See you soon!
signed-out-here = The session is closed.
signed-out-everywhere = All devices are signed out.
signed-out-shared = On a shared computer you can leave your place to somebody else.
signed-out-again = Sign in again
flash-password-changed = The password is changed; the other devices are signed out.
