# Import of people and classes
nav-import = Import
import-mebibytes = { $count } MB
import-nothing-dropped = No file was received. Choose a file, then try again.
import-complete = { $date ->
    [none] { $format }, complete
   *[other] { $format }, complete of { $date }
}
import-partial = { $date ->
    [none] { $format }, changes
   *[other] { $format }, changes of { $date }
}
import-kind-pupils = Pupils
import-kind-staff = Staff
import-kind-guardians = Guardians
import-kind-guardianships = Links to guardians
import-kind-classes = Classes
import-kind-groups = Groups
import-kind-subjects = Subjects
import-kind-schools = School
import-one-pupils = Pupil
import-one-staff = Staff
import-one-guardians = Guardian
import-one-classes = Class
import-one-groups = Group
import-one-subjects = Subject
import-one-schools = School
import-warnings = { $count ->
    [one] { $count } remark
   *[other] { $count } remarks
}
import-warnings-text = These lines are taken into account; a look at them is worth it.
import-warnings-table = Remarks
import-remark = Remark
flash-import-applied = The import is applied.
flash-import-discarded = Nothing was changed.
flash-import-expired = This preview is no longer available. Drop the file again.
flash-import-meanwhile = Another import was just applied: this is what would change now.
flash-import-confirm = Tick the box to confirm the removals, then apply.
