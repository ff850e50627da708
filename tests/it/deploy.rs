//! The manifests in `deploy/`: known to Kubernetes' own schemas, and hardened as they say.

mod grants;

use std::path::{Path, PathBuf};

use tokio::process::Command;

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file)
}

/// The Python that `tests/run` made, with kubernetes-validate and a YAML reader in it.
fn python() -> PathBuf {
    std::env::var_os("COUNTERSIGN_TEST_PYTHON")
        .expect("COUNTERSIGN_TEST_PYTHON must name a Python with kubernetes-validate: tests/run sets it")
        .into()
}

async fn validate(file: &Path, version: &str) -> std::process::Output {
    let program = python().with_file_name("kubernetes-validate");
    Command::new(program).args(["--strict", "-k", version]).arg(file).output().await.unwrap()
}

#[tokio::test]
async fn the_manifests_keep_to_the_schemas_of_kubernetes() {
    for file in ["pod.yaml", "job.yaml"] {
        for version in ["1.29", "1.34"] {
            let run = validate(&deploy(file), version).await;
            let said =
                String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
            assert!(run.status.success(), "{file}, {version}: {said}");
        }
    }
}

#[tokio::test]
async fn a_manifest_with_a_wrong_field_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = std::fs::read_to_string(deploy("pod.yaml")).unwrap();
    let wrong = wrong.replace("readOnlyRootFilesystem", "readOnlyRootFileSystem");
    let path = dir.path().join("pod.yaml");
    std::fs::write(&path, wrong).unwrap();
    assert!(!validate(&path, "1.34").await.status.success());
}

/// Reads a manifest, and gives its pod as JSON.
async fn pod(file: &str) -> serde_json::Value {
    let script = "import json, sys, yaml\n\
                  documents = list(yaml.safe_load_all(open(sys.argv[1])))\n\
                  kinds = {d['kind']: d for d in documents}\n\
                  print(json.dumps(kinds['Pod'] if 'Pod' in kinds else kinds['Job']['spec']['template']))";
    let run = Command::new(python()).args(["-c", script]).arg(deploy(file)).output().await.unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    serde_json::from_slice(&run.stdout).unwrap()
}

#[tokio::test]
async fn every_container_runs_without_rights() {
    for file in ["pod.yaml", "job.yaml"] {
        let pod = pod(file).await;
        let spec = &pod["spec"];
        assert_eq!(spec["automountServiceAccountToken"], false, "{file}");
        assert_eq!(spec["securityContext"]["runAsNonRoot"], true, "{file}");
        assert_eq!(spec["enableServiceLinks"], false, "{file}");
        // Otherwise a volume that is used again has a key ring that is open to the group, which is refused.
        assert_eq!(spec["securityContext"]["fsGroupChangePolicy"], "OnRootMismatch", "{file}");
        assert_eq!(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{file}");
        let containers = [&spec["initContainers"][0], &spec["containers"][0]];
        for container in containers {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false, "{file}");
            assert_eq!(context["readOnlyRootFilesystem"], true, "{file}");
            assert_eq!(context["capabilities"]["drop"], serde_json::json!(["ALL"]), "{file}");
        }
        let users: Vec<_> = containers.map(|container| &container["securityContext"]["runAsUser"]).into();
        assert_eq!(users, [65532, 10001], "{file}: the app is another user than Countersign");
    }
}

#[tokio::test]
async fn countersign_is_a_native_sidecar_that_shares_only_its_socket() {
    for file in ["pod.yaml", "job.yaml"] {
        let pod = pod(file).await;
        let (sidecar, app) = (&pod["spec"]["initContainers"][0], &pod["spec"]["containers"][0]);
        assert_eq!(sidecar["restartPolicy"], "Always", "{file}");
        assert_eq!(sidecar["startupProbe"]["exec"]["command"][1], "probe", "{file}");
        let shared: Vec<_> = app["volumeMounts"].as_array().unwrap().iter().map(|m| &m["name"]).collect();
        assert_eq!(shared, ["socket"], "{file}");
        assert_eq!(app["volumeMounts"][0]["readOnly"], true, "{file}: it could put another socket there");
        let socket = &pod["spec"]["volumes"][0];
        assert_eq!(socket["name"], "socket", "{file}");
        assert_eq!(socket["emptyDir"]["medium"], "Memory", "{file}");
    }
}

#[test]
fn the_settings_in_the_manifest_are_settings() {
    let manifest = std::fs::read_to_string(deploy("pod.yaml")).unwrap();
    let lines = manifest.lines().skip_while(|line| !line.contains("countersign.toml: |")).skip(1);
    let settings: Vec<&str> = lines.take_while(|line| *line != "---").map(str::trim_start).collect();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("countersign.toml");
    std::fs::write(&path, settings.join("\n")).unwrap();
    let config = countersign::config::Config::load(Default::default(), &[], Some(&path)).unwrap();
    assert!(config.credentials.by_uid(10001).is_some());
    assert_eq!(config.listen.len(), 1);
}
