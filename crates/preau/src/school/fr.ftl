# Import des personnes et des classes
nav-import = Import
import-mebibytes = { $count } Mo
import-nothing-dropped = Aucun fichier n’a été reçu. Choisissez un fichier, puis recommencez.
import-complete = { $date ->
    [none] { $format }, complet
   *[other] { $format }, complet du { $date }
}
import-partial = { $date ->
    [none] { $format }, modifications
   *[other] { $format }, modifications du { $date }
}
import-kind-pupils = Élèves
import-kind-staff = Personnels
import-kind-guardians = Responsables
import-kind-guardianships = Liens avec les responsables
import-kind-classes = Classes
import-kind-groups = Groupes
import-kind-subjects = Matières
import-kind-schools = Établissement
import-one-pupils = Élève
import-one-staff = Personnel
import-one-guardians = Responsable
import-one-classes = Classe
import-one-groups = Groupe
import-one-subjects = Matière
import-one-schools = Établissement
import-warnings = { $count ->
    [one] { $count } remarque
   *[other] { $count } remarques
}
import-warnings-text = Ces lignes sont prises en compte ; mieux vaut y jeter un œil.
import-warnings-table = Remarques
import-remark = Remarque
flash-import-applied = L’import est appliqué.
flash-import-discarded = Rien n’a été changé.
flash-import-expired = Cette vérification n’est plus disponible. Déposez de nouveau le fichier.
flash-import-meanwhile = Un autre import vient d’être appliqué : voici ce qui changerait maintenant.
flash-import-confirm = Cochez la case pour confirmer les retraits, puis appliquez.
