//! The files of a OneRoster set and their columns, misspelt or not.

use crate::values::fold;

/// A file of the set. The order is the reading order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FileKind {
    Manifest,
    Orgs,
    Courses,
    Classes,
    Roles,
    Demographics,
    Users,
    Enrollments,
    /// Sessions, results, resources, user profiles.
    NotNeeded,
}

/// Every column that is read, and those whose presence tells files apart.
const COLUMNS: &[&str] = &[
    "sourcedId",
    "status",
    "dateLastModified",
    "enabledUser",
    "orgSourcedIds",
    "orgSourcedId",
    "primaryOrgSourcedId",
    "role",
    "roleType",
    "username",
    "userIds",
    "givenName",
    "familyName",
    "middleName",
    "preferredGivenName",
    "preferredFamilyName",
    "preferredMiddleName",
    "identifier",
    "email",
    "sms",
    "phone",
    "agentSourcedIds",
    "grades",
    "name",
    "type",
    "parentSourcedId",
    "title",
    "courseSourcedId",
    "classCode",
    "classType",
    "location",
    "schoolSourcedId",
    "termSourcedIds",
    "subjects",
    "subjectCodes",
    "periods",
    "courseCode",
    "classSourcedId",
    "userSourcedId",
    "userProfileSourcedId",
    "primary",
    "beginDate",
    "endDate",
    "birthDate",
    "schoolYear",
    "startDate",
    "schoolYearSourcedId",
];

impl FileKind {
    /// Recognises a file of the set by its columns and, between files that look alike, its name.
    pub(crate) fn detect(base_name: &str, headers: &[String]) -> Option<Self> {
        let stem = fold(base_name.rsplit_once('.').map_or(base_name, |(stem, _)| stem));
        let header = Header::new(headers);
        if header.raw.iter().any(|h| h == "propertyname") && header.raw.iter().any(|h| h == "value") {
            return Some(Self::Manifest);
        }
        let has = |name: &str| header.position(name).is_some();
        if !has("sourcedId") {
            return None;
        }
        let by_name = match stem.as_str() {
            "orgs" | "organisations" | "organizations" => Some(Self::Orgs),
            "courses" => Some(Self::Courses),
            "classes" => Some(Self::Classes),
            "roles" => Some(Self::Roles),
            "users" => Some(Self::Users),
            "demographics" => Some(Self::Demographics),
            "enrollments" | "enrolments" => Some(Self::Enrollments),
            "academicsessions" | "userprofiles" | "results" | "lineitems" | "categories" | "resources"
            | "courseresources" | "classresources" | "userresources" | "scorescales" => Some(Self::NotNeeded),
            _ => None,
        };
        by_name.or(Some(if has("familyName") {
            Self::Users
        } else if has("classSourcedId") && has("userSourcedId") {
            Self::Enrollments
        } else if has("userSourcedId") && has("role") {
            Self::Roles
        } else if has("classType") || has("courseSourcedId") {
            Self::Classes
        } else if has("courseCode") {
            Self::Courses
        } else if has("birthDate") {
            Self::Demographics
        } else if has("name") && has("type") {
            Self::Orgs
        } else {
            Self::NotNeeded
        }))
    }

    /// Columns without which the file cannot be read; the first one identifies its rows.
    pub(super) fn mandatory(self) -> &'static [&'static str] {
        match self {
            Self::Manifest | Self::NotNeeded => &[],
            Self::Orgs => &["sourcedId", "name"],
            Self::Courses | Self::Demographics => &["sourcedId"],
            Self::Classes => &["sourcedId", "title"],
            Self::Roles => &["userSourcedId", "role"],
            Self::Users => &["sourcedId", "givenName", "familyName"],
            // Rows of small exports have no identifier of their own, and need none.
            Self::Enrollments => &["classSourcedId", "userSourcedId", "role"],
        }
    }
}

/// The header of a file, with its misspellings understood.
pub(super) struct Header {
    /// Folded headers as written.
    raw: Vec<String>,
    /// For each position, the column it means.
    meant: Vec<Option<&'static str>>,
}

impl Header {
    pub(super) fn new(headers: &[String]) -> Self {
        let raw: Vec<String> = headers.iter().map(|header| fold(header)).collect();
        let mut meant: Vec<Option<&'static str>> =
            raw.iter().map(|header| COLUMNS.iter().copied().find(|column| fold(column) == *header)).collect();
        // A misspelling is only considered for columns that nobody spelt right.
        for (at, header) in raw.iter().enumerate() {
            if meant[at].is_none() && header.len() >= 8 {
                let near = COLUMNS.iter().copied().filter(|column| !meant.contains(&Some(column)));
                let mut candidates = near.filter(|column| within_two(header, &fold(column)));
                if let (Some(only), None) = (candidates.next(), candidates.next()) {
                    meant[at] = Some(only);
                }
            }
        }
        Self { raw, meant }
    }

    pub(super) fn position(&self, column: &str) -> Option<usize> {
        self.meant.iter().position(|meant| *meant == Some(column))
    }

    /// Misspelt headers with what they were taken for.
    pub(super) fn repaired(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.raw.iter().zip(&self.meant).filter_map(|(raw, meant)| {
            let meant = (*meant)?;
            (fold(meant) != *raw).then_some((raw.as_str(), meant))
        })
    }
}

/// Whether two words differ by at most two letters (insertion, deletion or replacement).
fn within_two(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // Headers are bounded by the record they stand in; only short ones can be near anything.
    if a.len().abs_diff(b.len()) > 2 || a.len() > 40 {
        return false;
    }
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut current = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = previous[j] + usize::from(x != y);
            current.push(replaced.min(previous[j + 1] + 1).min(current[j] + 1));
        }
        previous = current;
    }
    previous.last().is_some_and(|&distance| distance <= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(text: &str) -> Vec<String> {
        text.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn misspelt_headers_are_understood() {
        let header = Header::new(&headers("sourcedId,status,dataLastModified,prefferedGivenName,role"));
        assert_eq!(header.position("dateLastModified"), Some(2));
        assert_eq!(header.position("preferredGivenName"), Some(3));
        assert_eq!(header.repaired().count(), 2);
    }

    #[test]
    fn a_right_spelling_is_never_taken_for_its_neighbour() {
        let header = Header::new(&headers("orgSourcedIds,userSourcedId"));
        assert_eq!(header.position("orgSourcedId"), None);
        assert_eq!(header.position("orgSourcedIds"), Some(0));
    }

    #[test]
    fn files_are_told_apart() {
        assert_eq!(
            FileKind::detect("manifest.csv", &headers("propertyName,value")),
            Some(FileKind::Manifest)
        );
        let users = headers("sourcedId,givenName,familyName");
        assert_eq!(FileKind::detect("people.csv", &users), Some(FileKind::Users));
        assert_eq!(FileKind::detect("eleves.csv", &headers("Nom,Prénom")), None);
    }
}
