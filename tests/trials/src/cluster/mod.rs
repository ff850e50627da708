//! The trials on clusters of databases.
