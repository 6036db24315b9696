//! Keys and certificates for one run, made by openssl.

use super::place::{told, write, write_secret};
use crate::Failure;
use crate::steps::quietly;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A certificate and its key, as files.
#[derive(Clone)]
pub struct Pair {
    /// PEM.
    pub cert: PathBuf,
    /// PEM, readable by its owner only.
    pub key: PathBuf,
}

impl Pair {
    fn at(folder: &Path, name: &str) -> Pair {
        Pair { cert: folder.join(format!("{name}.crt")), key: folder.join(format!("{name}.key")) }
    }
}

const NEW_KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/// A certificate authority.
pub fn authority(folder: &Path, name: &str) -> Result<Pair, Failure> {
    let pair = Pair::at(folder, "ca");
    let subject = format!("/CN={name}");
    let mut command = openssl(&["req", "-x509", "-days", "30", "-subj", &subject]);
    command.args(NEW_KEY).arg("-keyout").arg(&pair.key).arg("-out").arg(&pair.cert);
    command.args(["-addext", "keyUsage=critical,keyCertSign,cRLSign"]);
    quietly(&mut command)?;
    private(&pair.key)?;
    Ok(pair)
}

/// A certificate for a server on loopback, usable by a client too.
pub fn issue(folder: &Path, ca: &Pair, name: &str, subject: &str) -> Result<Pair, Failure> {
    let pair = Pair::at(folder, name);
    let extensions = folder.join(format!("{name}.ext"));
    write(
        &extensions,
        "basicConstraints=CA:false\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n\
         subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc\n",
    )?;
    let asked = request(folder, name, subject)?;
    let mut sign = openssl(&["x509", "-req", "-days", "30", "-CAcreateserial"]);
    sign.arg("-in").arg(&asked).arg("-CA").arg(&ca.cert).arg("-CAkey").arg(&ca.key);
    quietly(sign.arg("-extfile").arg(&extensions).arg("-out").arg(&pair.cert))?;
    Ok(pair)
}

/// A request for a certificate, with its key beside it.
pub fn request(folder: &Path, name: &str, subject: &str) -> Result<PathBuf, Failure> {
    let (asked, key) = (folder.join(format!("{name}.csr")), folder.join(format!("{name}.key")));
    let mut command = openssl(&["req", "-new", "-subj", subject]);
    quietly(command.args(NEW_KEY).arg("-keyout").arg(&key).arg("-out").arg(&asked))?;
    private(&key)?;
    Ok(asked)
}

/// An RSA key and its public half, for the service accounts' tokens.
pub fn rsa(folder: &Path, name: &str) -> Result<(PathBuf, PathBuf), Failure> {
    let (key, public) = (folder.join(format!("{name}.key")), folder.join(format!("{name}.pub")));
    quietly(openssl(&["genrsa", "-out"]).arg(&key).arg("2048"))?;
    private(&key)?;
    quietly(openssl(&["rsa", "-pubout", "-in"]).arg(&key).arg("-out").arg(&public))?;
    Ok((key, public))
}

/// 32 random hexadecimal digits, also written to a file for its owner.
pub fn token(file: &Path) -> Result<String, Failure> {
    use std::io::Read as _;
    let mut bytes = [0_u8; 16];
    let random = Path::new("/dev/urandom");
    std::fs::File::open(random).and_then(|mut f| f.read_exact(&mut bytes)).map_err(|e| told(random, e))?;
    let token: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    write_secret(file, &token)?;
    Ok(token)
}

fn openssl(args: &[&str]) -> Command {
    let mut command = Command::new("openssl");
    command.args(args);
    command
}

fn private(path: &Path) -> Result<(), Failure> {
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(|e| told(path, e))
}
