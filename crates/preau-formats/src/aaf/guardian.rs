//! Guardians and other contacts, and the parts of a person that everybody has.

use super::request::Request;
use super::school::address_lines;
use super::{Reader, Stated};
use crate::error::Error;
use crate::model::{Address, Contact, Field, Guardian, PersonName, Record, SourceKey};
use crate::outlet::Outlet;
use crate::report::SkipReason;
use crate::values::yes_no;

/// Attributes that hold the family name, in order of preference.
const FAMILY: &[&str] = &["sn", "ENTPersonNom", "ENTPersonNomPatro"];

impl Reader {
    pub(super) fn guardian(
        &mut self,
        request: &Request,
        key: SourceKey,
        outlet: &mut Outlet<'_>,
    ) -> Result<(), Error> {
        let mut stated = Stated::new(request);
        let Some(name) = name(&mut stated, outlet)? else { return Ok(()) };
        let guardian = Guardian { name, contact: contact(&mut stated), username: None };
        let how = stated.statement(Vec::new());
        outlet.entry(request.place(), Record::Guardian(key, guardian), how)
    }
}

/// The names of a person. A new person without a family name is skipped (`None`); a change need not
/// name anybody.
pub(super) fn name(stated: &mut Stated<'_>, outlet: &mut Outlet<'_>) -> Result<Option<PersonName>, Error> {
    let request = stated.request;
    let family = stated.text(Field::FamilyName, FAMILY);
    if family.is_none() && request.operation != super::Operation::Modify {
        let expected = if request.has("ENTPersonNom") { "ENTPersonNom" } else { "sn" };
        outlet.skip(request.place(), SkipReason::NoFamilyName { expected: expected.to_owned() })?;
        return Ok(None);
    }
    let given = stated.text(Field::GivenName, &["givenName", "ENTPersonPrenom"]);
    let other_given: Vec<String> =
        request.values("ENTPersonAutresPrenoms").map(|(value, _)| value.to_owned()).collect();
    if !other_given.is_empty() {
        stated.given.push(Field::OtherGivenNames);
    }
    Ok(Some(PersonName {
        family: family.unwrap_or_default(),
        given: given.or_else(|| other_given.first().cloned()).unwrap_or_default(),
        birth_family: stated.text(Field::BirthFamilyName, &["ENTPersonNomPatro"]),
        other_given,
        title: stated.text(Field::Title, &["personalTitle", "ENTPersonCivilite"]),
    }))
}

/// Ways to reach a person.
pub(super) fn contact(stated: &mut Stated<'_>) -> Contact {
    let lines = stated.clearable(Field::AddressLines, &["ENTPersonAdresse"]);
    let address = Address {
        lines: lines.map(|value| address_lines(&value)).unwrap_or_default(),
        postal_code: stated.clearable(Field::PostalCode, &["ENTPersonCodePostal"]),
        town: stated.clearable(Field::Town, &["ENTPersonVille"]),
        country: stated.clearable(Field::Country, &["ENTPersonPays"]),
    };
    let disclosure = stated.text(Field::AddressDisclosure, &["ENTPersonAdresseDiffusion"]);
    Contact {
        email: stated.text(Field::Email, &["mail", "ENTPersonMail"]),
        home_phone: stated.text(Field::HomePhone, &["homePhone", "ENTPersonTelPerso"]),
        work_phone: stated.text(Field::WorkPhone, &["telephoneNumber", "ENTPersRelEleveTelPro"]),
        mobile: stated.clearable(Field::Mobile, &["mobile", "ENTPersRelEleveTelMobile"]),
        mobile_sms: stated.clearable(Field::MobileSms, &["ENTPersonMobileSMS"]),
        address: Some(address).filter(|a| !a.is_empty()),
        address_disclosure: disclosure.and_then(|value| yes_no(&value)),
    }
}
