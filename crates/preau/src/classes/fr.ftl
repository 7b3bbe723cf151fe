# Classes et groupes
nav-classes = Classes
classes-title = Classes et groupes
classes-classes = Classes
classes-groups = Groupes
classes-none = Aucune classe
classes-none-meaning = Ce compte n’est lié à aucune classe. L’établissement peut compléter les listes.
class-size = { $count ->
    [one] { $count } élève
   *[other] { $count } élèves
}
class-pupils = Élèves
class-teachers = Professeurs
class-tutor = professeur principal
class-reset = Nouveau mot de passe
class-reset-of = Nouveau mot de passe : { $name }
class-empty = Cette liste est vide
class-empty-meaning = Aucun élève n’y est inscrit. Le référent numérique peut corriger cela.
column-family-name = Nom
column-given-name = Prénom
class-download = Télécharger la liste (tableur)
