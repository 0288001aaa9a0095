//! What desktops go by: dconf for GNOME, a file of KConfig for KDE.

pub mod gvariant;
pub mod gvdb;
pub mod kconfig;
