//! Which evidence will do: a method, properties, or both, all in one piece.

use std::fmt;

use crate::domain::method::{Method, Sort};
use crate::domain::strength::{Properties, Property, Strength};

/// What one piece of evidence must be. Without anything: any evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// Of this sort.
    pub sort: Option<Sort>,
    /// With all of these.
    pub properties: Properties,
}

impl Selector {
    /// Any evidence.
    pub const ANY: Self = Self { sort: None, properties: Properties::NONE };

    /// Whether evidence by this method, worth this much, will do.
    #[must_use]
    pub fn accepts(&self, method: &Method, properties: Properties) -> bool {
        properties.include(self.properties) && self.sort.as_ref().is_none_or(|sort| sort.covers(method))
    }

    /// Whether evidence of this sort, worth this much, will do.
    #[must_use]
    pub fn accepts_sort(&self, sort: &Sort, strength: &Strength) -> bool {
        strength.properties().include(self.properties)
            && self.sort.as_ref().is_none_or(|wanted| wanted == sort)
    }
}

impl From<Sort> for Selector {
    fn from(sort: Sort) -> Self {
        Self { sort: Some(sort), ..Self::ANY }
    }
}

impl From<Property> for Selector {
    fn from(property: Property) -> Self {
        Self { properties: Properties::NONE.with(property), ..Self::ANY }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<&str> = self.sort.iter().map(|sort| sort.name().as_str()).collect();
        for property in self.properties.iter() {
            names.push(property.as_str());
        }
        f.write_str(if names.is_empty() { "any" } else { "" })?;
        f.write_str(&names.join(" & "))
    }
}
