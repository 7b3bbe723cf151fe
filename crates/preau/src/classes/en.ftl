# Classes and groups
nav-classes = Classes
classes-title = Classes and groups
classes-classes = Classes
classes-groups = Groups
classes-none = No class
classes-none-meaning = This account belongs to no class. The school can complete the lists.
class-size = { $count ->
    [one] { $count } pupil
   *[other] { $count } pupils
}
class-pupils = Pupils
class-teachers = Teachers
class-tutor = form tutor
class-reset = New password
class-reset-of = New password: { $name }
class-empty = This list is empty
class-empty-meaning = No pupil is enrolled here. The local administrator can correct this.
column-family-name = Family name
column-given-name = First name
class-download = Download the list (spreadsheet)
