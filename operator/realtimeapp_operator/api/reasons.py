"""Every reason a condition can carry; what each means is in `explanations`.

The one list: a reason that is not here is not written anywhere.
"""

from __future__ import annotations

import enum


class Reason(enum.StrEnum):
    """CamelCase reason of a condition."""

    # Nothing is wrong
    AS_EXPECTED = "AsExpected"
    NOT_YET_OBSERVED = "NotYetObserved"
    NOT_CONFIGURED = "NotConfigured"
    SUSPENDED = "Suspended"
    NOT_SUSPENDED = "NotSuspended"
    # Something is under way
    ROLLOUT_IN_PROGRESS = "RolloutInProgress"
    ROLLOUT_COMPLETE = "RolloutComplete"
    ROLLOUT_PAUSED = "RolloutPaused"
    ROLLED_BACK = "RolledBack"
    WAITING_FOR_ROLLOUT = "WaitingForRollout"
    WAITING_FOR_MIGRATIONS = "WaitingForMigrations"
    WAITING_FOR_CHECKS = "WaitingForChecks"
    WAITING_FOR_REDIS = "WaitingForRedis"
    PODS_STARTING = "PodsStarting"
    CONNECTIONS_MOVING = "ConnectionsMoving"
    NO_DRAIN = "NoDrain"
    MIGRATION_RUNNING = "MigrationRunning"
    MIGRATION_COMPLETE = "MigrationComplete"
    MIGRATION_MANUAL = "MigrationManual"
    CHECKS_RUNNING = "ChecksRunning"
    CHECKS_PASSED = "ChecksPassed"
    VOLUME_PENDING = "VolumePending"
    ADDRESS_PENDING = "AddressPending"
    # The declaration, or what the cluster says to it
    INVALID_SPEC = "InvalidSpec"
    NAME_CONFLICT = "NameConflict"
    QUOTA_EXCEEDED = "QuotaExceeded"
    FORBIDDEN = "Forbidden"
    POD_SECURITY_VIOLATION = "PodSecurityViolation"
    OBJECT_REJECTED = "ObjectRejected"
    WRITE_FAILED = "WriteFailed"
    # The pods
    IMAGE_PULL_FAILED = "ImagePullFailed"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - the name of a reason, not a secret
    CONFIG_MAP_MISSING = "ConfigMapMissing"
    SERVICE_ACCOUNT_MISSING = "ServiceAccountMissing"
    SETTINGS_MODULE_NOT_FOUND = "SettingsModuleNotFound"
    SETTINGS_INVALID = "SettingsInvalid"
    ASGI_APPLICATION_NOT_FOUND = "AsgiApplicationNotFound"
    WSGI_APPLICATION_NOT_FOUND = "WsgiApplicationNotFound"
    PACKAGE_MISSING = "PackageMissing"
    UNSCHEDULABLE = "Unschedulable"
    CRASH_LOOPING = "CrashLooping"
    OUT_OF_MEMORY = "OutOfMemory"
    CONTAINER_CANNOT_START = "ContainerCannotStart"
    PROBE_FAILING = "ProbeFailing"
    ROLLOUT_STALLED = "RolloutStalled"
    # Jobs
    COMMAND_FAILED = "CommandFailed"
    DATABASE_UNAVAILABLE = "DatabaseUnavailable"
    INTERRUPTED = "Interrupted"
    CHECKS_FAILED = "ChecksFailed"
    CLEANUP_FAILED = "CleanupFailed"
    MIGRATION_FAILED = "MigrationFailed"
    MIGRATION_DEADLINE_EXCEEDED = "MigrationDeadlineExceeded"
    # The edge
    INGRESS_CLASS_NOT_FOUND = "IngressClassNotFound"
    CONTROLLER_LIMITED = "ControllerLimited"
    # The WebSocket that is opened through the edge
    HANDSHAKE_PENDING = "HandshakePending"
    HANDSHAKE_SUCCEEDED = "HandshakeSucceeded"
    HOST_NOT_RESOLVED = "HostNotResolved"
    EDGE_UNREACHABLE = "EdgeUnreachable"
    TLS_FAILED = "TlsFailed"
    ORIGIN_REFUSED = "OriginRefused"
    HOST_REFUSED = "HostRefused"
    PATH_NOT_FOUND = "PathNotFound"
    NO_UPGRADE = "NoUpgrade"
    EDGE_ERROR = "EdgeError"
    PODS_FULL = "PodsFull"
    # Autoscaling
    KEDA_NOT_INSTALLED = "KedaNotInstalled"
    AUTOSCALER_REMAINS = "AutoscalerRemains"
    METRIC_UNAVAILABLE = "MetricUnavailable"
