//! What a kernel may lack. A test that needs it asks first, by making one in its own
//! namespace, and is not run where that fails.

use super::Lab;

impl Lab {
    /// Links of a kind; `settings` are those without which there is none.
    pub(crate) fn needs_links_of(&self, kind: &str, settings: &str) {
        let made = self.output(&format!("ip link add probe0 type {kind} {settings}"));
        if !made.status.success() {
            self.not_run(&format!("this kernel makes no {kind} links"));
        }
        self.run("ip link del probe0");
    }

    /// ESP in tunnel mode, for IPv4: what an IPsec policy sends packets into.
    pub(crate) fn needs_esp(&self) {
        const STATE: &str = "src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x100";
        let keys = [("enc cbc(aes)", 16), ("auth-trunc hmac(sha256)", 32)]
            .map(|(name, length)| format!("{name} 0x{}", "2a".repeat(length)));
        let state = format!("{STATE} mode tunnel {} {} 128", keys[0], keys[1]);
        if !self.succeeds(&format!("ip xfrm state add {state}")) {
            self.not_run("this kernel has no ESP");
        }
        self.run(&format!("ip xfrm state delete {STATE}"));
    }
}
