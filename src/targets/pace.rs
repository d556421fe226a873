//! How far a target is on its plan at an instant.
