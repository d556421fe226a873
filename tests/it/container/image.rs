//! The image that `deploy/container/build` makes of the program under test, and its contents.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::{is_root, output_of};
use crate::tidy::root;

const MEGABYTE: u64 = 1_000_000;
/// Maximum size of an image as it is pulled: the sum of its compressed layers.
const PULLED_LIMIT: u64 = 45 * MEGABYTE;
/// Maximum size of its files.
const UNPACKED_LIMIT: u64 = 130 * MEGABYTE;

/// User and group of the program in the image.
pub const USER: u32 = 65_532;

/// An image in a file, and what it contains.
pub struct ContainerImage {
    /// Digest of the configuration, which `docker images` shows as its id.
    pub id: String,
    archive: PathBuf,
    /// Configuration in Docker's format.
    config: Value,
    /// Configuration as the runtime of a container reads it: arguments, environment, user, working directory.
    pub runtime: Value,
    /// Directory of the unpacked files.
    pub files: PathBuf,
    /// Size of the compressed layers (bytes).
    pulled: u64,
}

/// Image of the program under test, built once.
pub fn image() -> &'static ContainerImage {
    static IMAGE: OnceLock<ContainerImage> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("container");
        // Left by the last run.
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).expect("a directory");
        let archive = directory.join("image.tar");
        let id = build(&archive);
        let docker = format!("docker-archive:{}", archive.display());
        let config = output_of(Command::new("skopeo").args(["inspect", "--config", "--raw", &docker]));
        let layout = directory.join("layout");
        let tagged = format!("{}:latest", layout.display());
        output_of(Command::new("skopeo").args(["copy", "--quiet", &docker, &format!("oci:{tagged}")]));
        let bundle = directory.join("bundle");
        output_of(Command::new("umoci").args(["unpack", "--image", &tagged]).arg(&bundle));
        let runtime = fs::read(bundle.join("config.json")).expect("the configuration of a bundle");
        ContainerImage {
            id,
            archive,
            config: serde_json::from_str(&config).expect("JSON"),
            runtime: serde_json::from_slice(&runtime).expect("JSON"),
            files: bundle.join("rootfs"),
            pulled: layers(&layout).iter().sum(),
        }
    })
}

/// Builds the image into a file and returns its id.
fn build(archive: &Path) -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("tmp is in the target directory");
    let mut command = Command::new(root().join("deploy/container/build"));
    command.args(["--binary", env!("CARGO_BIN_EXE_pacemeter"), "--output"]).arg(archive);
    output_of(command.env("CARGO_TARGET_DIR", target)).trim().to_owned()
}

/// Sizes of the layers of an image in OCI's layout.
fn layers(layout: &Path) -> Vec<u64> {
    let read = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON") };
    let index = read(&layout.join("index.json"));
    let digest = index["manifests"][0]["digest"].as_str().expect("a digest").replace(':', "/");
    let manifest = read(&layout.join("blobs").join(digest));
    let layers = manifest["layers"].as_array().expect("a list");
    layers.iter().map(|layer| layer["size"].as_u64().expect("a size")).collect()
}

impl ContainerImage {
    /// Arguments of its health check.
    pub fn health_check(&self) -> Vec<String> {
        let test = self.config["config"]["Healthcheck"]["Test"].as_array().expect("an image with a health check");
        let mut words = test.iter().map(|word| word.as_str().expect("a text").to_owned());
        assert_eq!(words.next().as_deref(), Some("CMD"), "the check needs no shell");
        words.collect()
    }
}

#[test]
fn an_image_states_how_it_is_run() {
    if !is_root() {
        return;
    }
    let image = image();
    let config = &image.config["config"];
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Entrypoint"], serde_json::json!(["/usr/bin/pacemeter"]));
    assert_eq!(config["Cmd"], serde_json::json!(["run"]));
    assert_eq!(config["ExposedPorts"], serde_json::json!({"9464/tcp": {}}));
    assert_eq!(config["Volumes"], serde_json::json!({"/var/lib/pacemeter": {}}));
    assert_eq!(config["StopSignal"], "SIGTERM");
    assert_eq!(config["Labels"]["org.opencontainers.image.version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(config["Labels"]["org.opencontainers.image.licenses"], env!("CARGO_PKG_LICENSE"));
    let environment: Vec<&str> = config["Env"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert!(environment.contains(&"GLIBC_TUNABLES=glibc.malloc.hugetlb=1"), "{environment:?}");
    assert_eq!(image.health_check(), ["/usr/bin/pacemeter", "health"]);
}

#[test]
fn an_image_has_at_most_45_megabytes() {
    if !is_root() {
        return;
    }
    let image = image();
    let unpacked: u64 = output_of(Command::new("du").args(["--summarize", "--bytes"]).arg(&image.files))
        .split_whitespace()
        .next()
        .and_then(|bytes| bytes.parse().ok())
        .expect("a number");
    println!("pulled {} bytes, unpacked {unpacked} bytes", image.pulled);
    assert!(image.pulled <= PULLED_LIMIT, "{} bytes", image.pulled);
    assert!(unpacked <= UNPACKED_LIMIT, "{unpacked} bytes");
}

#[test]
fn files_of_an_image_belong_to_root_but_for_the_state() {
    if !is_root() {
        return;
    }
    let image = image();
    let program = fs::metadata(image.files.join("usr/bin/pacemeter")).expect("the program");
    assert_eq!((program.uid(), program.gid(), program.permissions().mode() & 0o7777), (0, 0, 0o755));
    let state = fs::metadata(image.files.join("var/lib/pacemeter")).expect("the directory of the state");
    assert_eq!((state.uid(), state.gid(), state.permissions().mode() & 0o7777), (USER, USER, 0o700));
    let parent = fs::metadata(image.files.join("var/lib")).expect("its parent");
    assert_eq!((parent.uid(), parent.permissions().mode() & 0o7777), (0, 0o755));
    // Links have no rights of their own, and in /tmp nobody removes what is another's.
    let found = output_of(
        Command::new("find")
            .arg(&image.files)
            .args(["(", "-uid", "65532", "-o", "-perm", "-o+w", "!", "-perm", "-1000", "!", "-type", "l", ")"])
            .args(["-printf", "%P\n"]),
    );
    assert_eq!(found.lines().collect::<Vec<_>>(), ["var/lib/pacemeter"]);
    // The mirror of the machine that built it is nobody's business.
    assert!(!image.files.join("etc/apt/sources.list").exists(), "the base names a mirror");
}

#[test]
fn two_builds_make_equal_images() {
    if !is_root() {
        return;
    }
    let image = image();
    let again = image.archive.with_file_name("again.tar");
    assert_eq!(build(&again), image.id);
    output_of(Command::new("cmp").arg(&image.archive).arg(&again));
}
