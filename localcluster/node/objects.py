"""The parts of Kubernetes' objects that the node reads (core/v1), parsed once.

Field meanings: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from msgspec import UNSET, Raw, Struct, UnsetType, field


class Meta(Struct, frozen=True, rename="camel"):
    """Who an object is; a deletion timestamp means that its end has been asked for."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    deletion_timestamp: str = ""
    deletion_grace_period_seconds: int | None = None


class FieldRef(Struct, frozen=True, rename="camel"):
    """A field of the Pod itself."""

    field_path: str


class KeyRef(Struct, frozen=True):
    """One key of a ConfigMap or Secret."""

    key: str
    name: str = ""
    optional: bool = False


class EnvSource(Struct, frozen=True, rename="camel"):
    """Where a variable's value comes from."""

    field_ref: FieldRef | None = None
    config_map_key_ref: KeyRef | None = None
    secret_key_ref: KeyRef | None = None


class Env(Struct, frozen=True, rename="camel"):
    """One variable."""

    name: str
    value: str = ""
    value_from: EnvSource | None = None


class NameRef(Struct, frozen=True):
    """A whole ConfigMap or Secret."""

    name: str = ""
    optional: bool = False


class EnvFrom(Struct, frozen=True, rename="camel"):
    """All keys of a ConfigMap or Secret as variables."""

    prefix: str = ""
    config_map_ref: NameRef | None = None
    secret_ref: NameRef | None = None


class Port(Struct, frozen=True, rename="camel"):
    """A port that a container listens on."""

    container_port: int
    name: str = ""


class Mount(Struct, frozen=True, rename="camel"):
    """Where a container wants a volume."""

    name: str
    mount_path: str
    sub_path: str = ""


class Header(Struct, frozen=True):
    """A header of an HTTP probe."""

    name: str
    value: str


class HttpGet(Struct, frozen=True, rename="camel"):
    """A probe that wants a status from 200 to 399; the host is always loopback."""

    port: int | str
    path: str = "/"
    scheme: str = "HTTP"
    http_headers: list[Header] = []


class TcpSocket(Struct, frozen=True):
    """A probe that wants a connection."""

    port: int | str


class Probe(Struct, frozen=True, rename="camel"):
    """How and how often a container is asked; times in seconds."""

    http_get: HttpGet | None = None
    tcp_socket: TcpSocket | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    success_threshold: int = 1
    failure_threshold: int = 3


class Container(Struct, frozen=True, rename="camel"):
    """One program of a Pod."""

    name: str
    image: str
    command: list[str] = []
    args: list[str] = []
    env: list[Env] = []
    env_from: list[EnvFrom] = []
    ports: list[Port] = []
    volume_mounts: list[Mount] = []
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    startup_probe: Probe | None = None


class Item(Struct, frozen=True):
    """A key, and the file that it becomes."""

    key: str
    path: str


class DownwardItem(Struct, frozen=True, rename="camel"):
    """A field of the Pod, and the file that it becomes."""

    path: str
    field_ref: FieldRef


class TokenSource(Struct, frozen=True, rename="camel"):
    """A token of the Pod's ServiceAccount, and the file that it becomes."""

    path: str
    audience: str = ""
    expiration_seconds: int = 3600


class Data(Struct, frozen=True, rename="camel"):
    """A ConfigMap or Secret as files; volumes name a Secret `secretName`, projections `name`."""

    name: str = ""
    secret_name: str = ""
    items: list[Item] = []
    optional: bool = False


class Downward(Struct, frozen=True):
    """Fields of the Pod as files."""

    items: list[DownwardItem] = []


class Source(Struct, frozen=True, rename="camel"):
    """One source of files."""

    config_map: Data | None = None
    secret: Data | None = None
    service_account_token: TokenSource | None = None
    downward_api: Downward | None = field(default=None, name="downwardAPI")


class Projected(Struct, frozen=True):
    """Several sources in one directory."""

    sources: list[Source] = []


class Volume(Struct, frozen=True, rename="camel"):
    """A directory that containers mount."""

    name: str
    empty_dir: Raw | UnsetType = UNSET
    config_map: Data | None = None
    secret: Data | None = None
    projected: Projected | None = None
    downward_api: Downward | None = field(default=None, name="downwardAPI")


class PodSpec(Struct, frozen=True, rename="camel"):
    """What a Pod should be."""

    containers: list[Container]
    init_containers: list[Container] = []
    volumes: list[Volume] = []
    restart_policy: str = "Always"
    node_name: str = ""
    service_account_name: str = "default"
    termination_grace_period_seconds: int = 30


class ContainerStatus(Struct, frozen=True, rename="camel"):
    """What was last told about a container."""

    name: str
    restart_count: int = 0


class PodStatus(Struct, frozen=True, rename="camel"):
    """What was last told about a Pod."""

    phase: str = ""
    pod_ip: str = field(default="", name="podIP")
    container_statuses: list[ContainerStatus] = []


class Pod(Struct, frozen=True):
    """A Pod."""

    metadata: Meta
    spec: PodSpec
    status: PodStatus = PodStatus()

    @property
    def path(self) -> str:
        """Where the API server has it."""
        return f"/api/v1/namespaces/{self.metadata.namespace}/pods/{self.metadata.name}"

    @property
    def terminal(self) -> bool:
        """Whether it has ended for good."""
        return self.status.phase in {"Succeeded", "Failed"}


class ServicePort(Struct, frozen=True, rename="camel"):
    """A Service's port, and the Pods' port behind it (number or name)."""

    port: int
    target_port: int | str = 0


class ServiceSpec(Struct, frozen=True, rename="camel"):
    """Which Pods a Service leads to."""

    cluster_ip: str = field(default="", name="clusterIP")
    selector: dict[str, str] = {}
    ports: list[ServicePort] = []


class Service(Struct, frozen=True):
    """A Service."""

    metadata: Meta
    spec: ServiceSpec


class PodList(Struct, frozen=True):
    """Pods."""

    items: list[Pod]


class ServiceList(Struct, frozen=True):
    """Services."""

    items: list[Service]


class ConfigMap(Struct, frozen=True, rename="camel"):
    """A ConfigMap's content."""

    data: dict[str, str] = {}
    binary_data: dict[str, bytes] = {}


class Secret(Struct, frozen=True):
    """A Secret's content."""

    data: dict[str, bytes] = {}


class _TokenStatus(Struct, frozen=True):
    token: str


class _TokenSpec(Struct, frozen=True, rename="camel"):
    expiration_seconds: int


class Token(Struct, frozen=True):
    """A TokenRequest that was answered."""

    status: _TokenStatus
    spec: _TokenSpec
