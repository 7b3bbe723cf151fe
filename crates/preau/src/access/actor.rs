//! The person who asks, with the facts that rules are made of.

use super::{Action, Allows, Denied, Lists, Permit, Resource, Scope};
use crate::ids::{GroupId, PersonId, SchoolId};
use crate::store::Conn;
use std::fmt;
use std::sync::Arc;

/// What somebody is to a school. The order is that of the rights table in `docs/access.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Profile {
    /// élève
    Pupil,
    /// responsable: what they may see follows from their guardianships, not from this.
    Guardian,
    /// enseignant
    Teacher,
    /// professeur documentaliste
    Librarian,
    /// AED, surveillant
    Supervisor,
    /// CPE
    Counsellor,
    /// chef d'établissement and deputies
    Head,
    /// other staff of the school
    Staff,
    /// référent numérique: accounts and imports
    LocalAdmin,
    /// académie, collectivité: aggregates only
    Authority,
}

impl Profile {
    /// Every profile, in order.
    pub const ALL: [Profile; 10] = [
        Profile::Pupil,
        Profile::Guardian,
        Profile::Teacher,
        Profile::Librarian,
        Profile::Supervisor,
        Profile::Counsellor,
        Profile::Head,
        Profile::Staff,
        Profile::LocalAdmin,
        Profile::Authority,
    ];

    /// The word for it in the database, in text keys and in `--accounts`.
    pub const fn word(self) -> &'static str {
        match self {
            Profile::Pupil => "pupil",
            Profile::Guardian => "guardian",
            Profile::Teacher => "teacher",
            Profile::Librarian => "librarian",
            Profile::Supervisor => "supervisor",
            Profile::Counsellor => "counsellor",
            Profile::Head => "head",
            Profile::Staff => "staff",
            Profile::LocalAdmin => "local_admin",
            Profile::Authority => "authority",
        }
    }

    /// The profile for a word of the database.
    pub fn from_word(word: &str) -> Option<Profile> {
        Profile::ALL.into_iter().find(|profile| profile.word() == word)
    }
}

/// One person's tie to one school.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Affiliation {
    /// The school.
    pub school: SchoolId,
    /// What the person is there.
    pub profile: Profile,
}

/// A pupil somebody is responsible for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// The pupil.
    pub pupil: PersonId,
    /// The name as shown to the guardian.
    pub name: String,
    /// The school the pupil attends.
    pub school: SchoolId,
    /// The pupil's classes and groups.
    pub groups: Vec<GroupId>,
    /// A legal guardian; anybody else is a contact and reads nothing.
    pub legal: bool,
}

/// What is known of a signed-in person. Loaded once a session and kept for a short time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Who.
    pub person: PersonId,
    /// The name as shown in the page's head.
    pub name: String,
    /// Ties to schools.
    pub affiliations: Vec<Affiliation>,
    /// A pupil's classes and groups.
    pub enrolled: Vec<GroupId>,
    /// Classes and groups this person teaches.
    pub taught: Vec<GroupId>,
    /// Classes whose form tutor (professeur principal) this person is.
    pub tutored: Vec<GroupId>,
    /// Pupils this person is responsible for.
    pub children: Vec<Child>,
}

/// Somebody who asks: a signed-in person, or nobody in particular. Cheap to clone.
#[derive(Clone)]
pub struct Actor {
    facts: Option<Arc<Facts>>,
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.facts {
            Some(facts) => write!(f, "Actor({})", facts.person),
            None => f.write_str("Actor(anonymous)"),
        }
    }
}

impl Actor {
    /// Nobody in particular.
    pub const ANONYMOUS: Actor = Actor { facts: None };

    /// A signed-in person.
    pub fn person(facts: Arc<Facts>) -> Actor {
        Actor { facts: Some(facts) }
    }

    /// The facts, unless the actor is anonymous.
    pub fn facts(&self) -> Option<&Facts> {
        self.facts.as_deref()
    }

    /// The person's identifier, unless the actor is anonymous.
    pub fn id(&self) -> Option<PersonId> {
        self.facts().map(|facts| facts.person)
    }

    /// Whether this is that very person.
    pub fn is(&self, person: PersonId) -> bool {
        self.id() == Some(person)
    }

    /// Whether the actor has `profile` in any school.
    pub fn has(&self, profile: Profile) -> bool {
        self.facts().is_some_and(|facts| facts.affiliations.iter().any(|tie| tie.profile == profile))
    }

    /// Whether the actor has one of `profiles` in that school.
    pub fn is_in(&self, school: SchoolId, profiles: &[Profile]) -> bool {
        self.facts().is_some_and(|facts| {
            facts.affiliations.iter().any(|tie| tie.school == school && profiles.contains(&tie.profile))
        })
    }

    /// The first school in which the actor has one of `profiles`.
    pub fn school_as(&self, profiles: &[Profile]) -> Option<SchoolId> {
        let mut ties = self.facts()?.affiliations.iter();
        ties.find(|tie| profiles.contains(&tie.profile)).map(|tie| tie.school)
    }

    /// Whether the actor teaches that class or group.
    pub fn teaches(&self, group: GroupId) -> bool {
        self.has(Profile::Teacher) && self.facts().is_some_and(|facts| facts.taught.contains(&group))
    }

    /// Whether the actor is the form tutor of that class.
    pub fn tutors(&self, group: GroupId) -> bool {
        self.has(Profile::Teacher) && self.facts().is_some_and(|facts| facts.tutored.contains(&group))
    }

    /// Whether the actor is a pupil of that class or group.
    pub fn is_enrolled(&self, group: GroupId) -> bool {
        self.has(Profile::Pupil) && self.facts().is_some_and(|facts| facts.enrolled.contains(&group))
    }

    /// Whether the actor is legal guardian of a pupil of that class or group.
    pub fn guards_in(&self, group: GroupId) -> bool {
        self.wards().any(|child| child.groups.contains(&group))
    }

    /// Whether the actor is legal guardian of that pupil.
    pub fn guards(&self, pupil: PersonId) -> bool {
        self.wards().any(|child| child.pupil == pupil)
    }

    /// The pupils whose legal guardian the actor is.
    pub fn wards(&self) -> impl Iterator<Item = &Child> {
        self.facts().into_iter().flat_map(|facts| facts.children.iter().filter(|child| child.legal))
    }

    /// Lock 2: looks `id` up and asks the policy. This is the only source of a permit for a person.
    ///
    /// # Errors
    /// [`Denied::Refused`] both when there is no such thing and when this actor may not; a database
    /// error as [`Denied::Store`].
    pub fn permit<R, A>(&self, conn: &mut Conn, id: R::Id) -> Result<Permit<R, A>, Denied>
    where
        R: Resource + Allows<A>,
        A: Action,
    {
        match R::find(conn, id)? {
            Some(resource) if R::allows(self, &resource) => Ok(Permit::granted(self.clone(), resource)),
            _ => Err(Denied::Refused),
        }
    }

    /// Lock 4: what a list may contain for this actor, to become a WHERE clause.
    pub fn scope<R, A>(&self) -> Scope
    where
        R: Lists<A>,
        A: Action,
    {
        R::scope(self)
    }

    /// How the journal names this actor.
    pub(super) fn label(&self) -> String {
        match self.id() {
            Some(person) => format!("person:{person}"),
            None => "anonymous".to_owned(),
        }
    }
}
