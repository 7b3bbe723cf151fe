//! Pages about the platform itself, for everybody: help, and the accessibility statement.
//!
//! They are words only. What the statement says of conformity is what is known to be true; it changes
//! with an audit, not with a release.

mod views;

use crate::edge::{Audience, Caller, Cost, Platform, Refusal, Routes, html};
use axum::response::Response;
use views::{AccessibilityPage, HelpPage};

/// The pages of this slice.
pub fn routes(platform: Platform) -> Routes {
    Routes::new()
        .get("/help", Audience::Anyone, Cost::Page, help)
        .get("/accessibility", Audience::Anyone, Cost::Page, accessibility)
        .with_state(platform)
}

async fn help(caller: Caller) -> Result<Response, Refusal> {
    html(&HelpPage { page: &caller.shell("help-title") })
}

async fn accessibility(caller: Caller) -> Result<Response, Refusal> {
    html(&AccessibilityPage { page: &caller.shell("accessibility-title") })
}

#[cfg(test)]
mod tests {
    use crate::testing::TestSchool;
    use http::StatusCode;

    #[tokio::test]
    async fn help_and_statement_are_there_for_everybody_in_both_languages() {
        let school = TestSchool::open();
        let mut nobody = school.anonymous();
        for (path, words) in
            [("/help", "Mot de passe oublié"), ("/accessibility", "Déclaration d’accessibilité")]
        {
            let reply = nobody.get(path).await;
            assert_eq!(reply.status, StatusCode::OK);
            assert!(reply.text().contains(words), "{}", reply.text());
        }
        nobody.set_cookie("preau_display", "en.auto.normal");
        assert!(nobody.get("/help").await.text().contains("Forgotten password"));
        let mut pupil = school.signed_in(school.people.pupil);
        assert!(pupil.get("/help").await.text().contains("ton identifiant"));
    }
}
