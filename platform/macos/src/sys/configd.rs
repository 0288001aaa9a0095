//! Calls of the SystemConfiguration framework, and the two of libSystem that it has no
//! better ones for.

use std::ffi::{CStr, c_char, c_void};
use std::fs::File;
use std::io::{self, Read};
use std::mem::transmute;
use std::os::fd::FromRawFd;
use std::ptr::{copy_nonoverlapping, null};
use std::time::Duration;

use core_foundation::array::CFArray;
use core_foundation::base::{CFType, CFTypeRef, TCFType};
use core_foundation::data::CFData;
use core_foundation::dictionary::{CFDictionary, CFDictionaryRef};
use core_foundation::propertylist::{
    CFPropertyListSubClass, create_data, create_with_data, kCFPropertyListBinaryFormat_v1_0,
    kCFPropertyListImmutable,
};
use core_foundation::string::{CFString, CFStringRef};
use netprof_model::configd::ResolverList;
use system_configuration::dynamic_store::{SCDynamicStore, SCDynamicStoreBuilder};
use system_configuration::preferences::SCPreferences;
use system_configuration_sys::dynamic_store::SCDynamicStoreCopyMultiple;
use system_configuration_sys::preferences::{
    SCPreferencesApplyChanges, SCPreferencesCommitChanges, SCPreferencesCreate, SCPreferencesLock,
    SCPreferencesRef, SCPreferencesUnlock,
};

use super::Here;
use super::kernel::is_ready;
use crate::dnsinfo::{self, Memory};
use crate::mac::{Configd, Edit, Found, Status, Unedited};

/// Who netprof says it is.
const NAME: &str = "netprof";

// SystemConfiguration.framework, SystemConfiguration.h and SCPreferencesPath.h; the
// crate that links it leaves these out. And notify(3), of libSystem.
unsafe extern "C" {
    fn SCError() -> i32;
    fn SCErrorString(status: i32) -> *const c_char;
    fn SCPreferencesPathGetValue(prefs: SCPreferencesRef, path: CFStringRef) -> CFDictionaryRef;
    fn SCPreferencesPathSetValue(
        prefs: SCPreferencesRef,
        path: CFStringRef,
        value: CFDictionaryRef,
    ) -> u8;
    fn SCPreferencesPathRemoveValue(prefs: SCPreferencesRef, path: CFStringRef) -> u8;
    fn notify_register_file_descriptor(
        name: *const c_char,
        descriptor: *mut i32,
        flags: i32,
        token: *mut i32,
    ) -> u32;
}

/// Why the last call of the framework failed, on this thread.
fn status() -> Status {
    // SAFETY: both calls take and give plain values; the string is static.
    let (code, words) = unsafe {
        let code = SCError();
        (code, CStr::from_ptr(SCErrorString(code)))
    };
    Status {
        code,
        words: words.to_string_lossy().into_owned(),
    }
}

fn done(done: bool) -> Result<(), Status> {
    if done { Ok(()) } else { Err(status()) }
}

/// A property list as bytes.
fn bytes(list: CFTypeRef) -> Result<Vec<u8>, Status> {
    match create_data(list, kCFPropertyListBinaryFormat_v1_0) {
        Ok(data) => Ok(data.bytes().to_vec()),
        Err(error) => Err(Status::other(error.description().to_string())),
    }
}

/// Bytes as the dictionary that they are.
fn dictionary(bytes: &[u8]) -> Result<CFDictionary, Status> {
    let made = create_with_data(CFData::from_buffer(bytes), kCFPropertyListImmutable);
    let (list, _) = made.map_err(|error| Status::other(error.description().to_string()))?;
    // SAFETY: what was made is this function's to release, and it is no null.
    let list = unsafe { CFType::wrap_under_create_rule(list) };
    let one = list.downcast_into::<CFDictionary>();
    one.ok_or_else(|| Status::other("it is no dictionary"))
}

/// A session of its own for each call. What is set in it outlives it: only keys of a
/// session with session keys go with that (configd, configd.tproj/_configclose.c).
fn session() -> Result<SCDynamicStore, Status> {
    SCDynamicStoreBuilder::new(NAME).build().ok_or_else(status)
}

impl Configd for Here {
    fn store(&mut self, patterns: &[&str]) -> Result<Vec<u8>, Status> {
        let session = session()?;
        let patterns: Vec<CFString> = patterns.iter().map(|one| CFString::new(one)).collect();
        let patterns = CFArray::from_CFTypes(&patterns);
        // SAFETY: a session, no keys, and an array of strings, all alive.
        let all = unsafe {
            let (session, none) = (session.as_concrete_TypeRef(), null());
            SCDynamicStoreCopyMultiple(session, none, patterns.as_concrete_TypeRef())
        };
        if all.is_null() {
            return Err(status());
        }
        // SAFETY: a copy is this function's to release, and it is no null.
        let all: CFDictionary = unsafe { CFDictionary::wrap_under_create_rule(all) };
        bytes(all.as_CFTypeRef())
    }

    fn store_set(&mut self, key: &str, value: &[u8]) -> Result<(), Status> {
        let value = dictionary(value)?;
        done(session()?.set_raw(key, &value.to_CFPropertyList()))
    }

    fn store_remove(&mut self, key: &str) -> Result<(), Status> {
        done(session()?.remove(key))
    }

    /// No SDK has a header for these two functions, so they are looked up: a macOS without
    /// them is one whose resolvers cannot be read, and not one where netprof does not start.
    fn resolvers(&mut self) -> io::Result<Option<ResolverList>> {
        let (copy, free) = (
            symbol(c"dns_configuration_copy")?,
            symbol(c"dns_configuration_free")?,
        );
        // SAFETY: configd's dnsinfo/dnsinfo.h declares them so.
        let (copy, free) = unsafe {
            (
                transmute::<*mut c_void, extern "C" fn() -> *mut c_void>(copy),
                transmute::<*mut c_void, extern "C" fn(*mut c_void)>(free),
            )
        };
        let list = copy();
        if list.is_null() {
            return Ok(None);
        }
        // SAFETY: the list is what `dns_configuration_copy` makes, and freed behind this.
        let read = unsafe { dnsinfo::read(&Own, list as u64) };
        free(list);
        read.map(Some).map_err(io::Error::other)
    }

    fn listen(&mut self) -> io::Result<()> {
        // What dns_configuration_notify_key returns.
        let name = c"com.apple.system.SystemConfiguration.dns_configuration";
        if self.notices.is_some() {
            return Ok(());
        }
        let (mut descriptor, mut token) = (-1, 0);
        // SAFETY: the name ends in a zero, and both numbers are there to be written.
        let status = unsafe {
            notify_register_file_descriptor(name.as_ptr(), &mut descriptor, 0, &mut token)
        };
        if status != 0 || descriptor < 0 {
            return Err(io::Error::other(format!("notify(3) answers {status}")));
        }
        // SAFETY: the descriptor was made for this caller, who never cancels the token.
        self.notices = Some(unsafe { File::from_raw_fd(descriptor) });
        Ok(())
    }

    fn hear(&mut self, limit: Duration) -> io::Result<bool> {
        let mut notices = self.notices.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        if !is_ready(notices, limit)? {
            return Ok(false);
        }
        // One number for each notice; that there was one is all that counts.
        notices.read(&mut [0; 256]).map(|_| true)
    }

    fn edit_preferences(
        &mut self,
        path: &str,
        edit: &mut dyn FnMut(Found<'_>) -> Edit,
    ) -> Result<(), Unedited> {
        let name = CFString::new(NAME);
        // SAFETY: no allocator and no file name stand for the usual ones.
        let prefs = unsafe { SCPreferencesCreate(null(), name.as_concrete_TypeRef(), null()) };
        if prefs.is_null() {
            return Err(Unedited::Change(status()));
        }
        // SAFETY: what was made is this function's to release, and it is no null.
        let prefs = unsafe { SCPreferences::wrap_under_create_rule(prefs) };
        let session = prefs.as_concrete_TypeRef();
        // Never waited for: whoever holds the lock may wait for configd, and netprof too.
        // SAFETY: the session is alive, here and below.
        done(unsafe { SCPreferencesLock(session, 0) } != 0).map_err(Unedited::Lock)?;
        let edited = edit_locked(session, &CFString::new(path), edit);
        // SAFETY: as above. It goes with the session in any case.
        unsafe { SCPreferencesUnlock(session) };
        edited
    }

    fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}

fn edit_locked(
    session: SCPreferencesRef,
    path: &CFString,
    edit: &mut dyn FnMut(Found<'_>) -> Edit,
) -> Result<(), Unedited> {
    let path = path.as_concrete_TypeRef();
    // SAFETY: session and path are alive. What is there stays the session's, and is
    // copied before anything else is asked of it.
    let found = unsafe { SCPreferencesPathGetValue(session, path) };
    let found = match (found.is_null(), status()) {
        (false, _) => Some(bytes(found.cast()).map_err(Unedited::Change)?),
        (true, status) if status.code == Status::NO_KEY => None,
        (true, status) => return Err(Unedited::Change(status)),
    };
    match edit(found.as_deref()) {
        Edit::Leave => return Ok(()),
        Edit::Tell => return tell(session),
        Edit::Set(value) => {
            let value = dictionary(&value).map_err(Unedited::Change)?;
            // SAFETY: session, path and value are alive.
            let set =
                unsafe { SCPreferencesPathSetValue(session, path, value.as_concrete_TypeRef()) };
            done(set != 0).map_err(Unedited::Change)?;
        }
        Edit::Remove => {
            // SAFETY: session and path are alive.
            let removed = unsafe { SCPreferencesPathRemoveValue(session, path) };
            done(removed != 0).map_err(Unedited::Change)?;
        }
    }
    // SAFETY: the session is alive.
    done(unsafe { SCPreferencesCommitChanges(session) } != 0).map_err(Unedited::Commit)?;
    tell(session)
}

fn tell(session: SCPreferencesRef) -> Result<(), Unedited> {
    // SAFETY: the session is alive.
    done(unsafe { SCPreferencesApplyChanges(session) } != 0).map_err(Unedited::Apply)
}

/// The memory of this process.
struct Own;

impl Memory for Own {
    unsafe fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        let from = address as *const u8;
        // SAFETY: the caller says that those bytes are of one object that is alive; `buffer`
        // is another one.
        unsafe { copy_nonoverlapping(from, buffer.as_mut_ptr(), buffer.len()) };
        true
    }
}

fn symbol(name: &CStr) -> io::Result<*mut c_void> {
    // SAFETY: dlsym(3) only reads the name.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if found.is_null() {
        return Err(io::Error::other(format!(
            "libSystem has no {}",
            name.to_string_lossy()
        )));
    }
    Ok(found)
}
