//! Small plain data for components: options of a choice, pages of a list.

/// One option of the component `select`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectOption {
    /// The value that is posted.
    pub value: String,
    /// What the person reads.
    pub label: String,
    /// Whether it is chosen when the page opens.
    pub chosen: bool,
}

/// Where a long list stands, for the component `pagination`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pages {
    /// The page shown, from 1.
    pub current: u32,
    /// The last page; 1 when everything fits, and then nothing is drawn.
    pub last: u32,
    /// The address up to the number: `/messages?page=`.
    pub base: String,
}
