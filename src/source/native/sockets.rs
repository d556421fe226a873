//! Question to the kernel that no safe wrapper asks.

use std::ffi::c_int;
use std::os::fd::AsFd;

use rustix::ioctl::{Getter, Opcode, ioctl};

/// Request for the number of bytes in the send queue, `SIOCOUTQ`, as asm-generic has it.
const SEND_QUEUE: Opcode = 0x5411;

/// Returns the number of bytes that the other side of a TCP socket has not acknowledged; 0 if the kernel does not say.
pub(in crate::source) fn unacknowledged_bytes(socket: impl AsFd) -> usize {
    // SAFETY: SIOCOUTQ writes one int, which is what the getter has room for, and changes nothing.
    let count = unsafe { ioctl(socket, Getter::<SEND_QUEUE, c_int>::new()) };
    count.map_or(0, |count| count.max(0) as usize)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::unacknowledged_bytes;

    #[test]
    fn bytes_are_unacknowledged_until_the_other_side_has_room() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut writer, _) = listener.accept().unwrap();
        assert_eq!(unacknowledged_bytes(&writer), 0);
        writer.set_nonblocking(true).unwrap();
        let mut written = 0;
        while let Ok(count) = writer.write(&[0; 1 << 16]) {
            written += count;
        }
        assert!((1..=written).contains(&unacknowledged_bytes(&writer)));
        reader.read_exact(&mut vec![0; written]).unwrap();
        while unacknowledged_bytes(&writer) > 0 {
            std::thread::yield_now();
        }
    }
}
