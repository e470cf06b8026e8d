//! What the crate promises to those who give it files and networks.

mod it {
    mod csv_faults;
    mod download;
    mod hostile;
    mod idx_faults;
    mod memory;
    #[cfg(feature = "download")]
    mod network;
    mod real_files;
    #[cfg(feature = "download")]
    mod server;
    mod support;
}
