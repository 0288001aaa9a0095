//! What the command line tools of macOS print, as data.
