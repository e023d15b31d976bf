//! The dropscope command.

fn main() {}
