//! How often is the pattern named right, and how honest is the confidence?

mod case;
mod lab;
