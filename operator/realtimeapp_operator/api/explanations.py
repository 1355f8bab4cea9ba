"""What every reason means, and what a person should do about it.

Conditions, events and `docs/conditions.md` take their words from here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from realtimeapp_operator.api.conditions import ConditionType
from realtimeapp_operator.api.explanation import APPLY, NOTHING, SUMMARY, explain
from realtimeapp_operator.api.explanations_edge import EDGE
from realtimeapp_operator.api.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from realtimeapp_operator.api.explanation import Explanation

_C = ConditionType
_JOBS: Final = (_C.MIGRATIONS_COMPLETE, _C.CHECKS_PASSED)
_PODS: Final = (_C.WEB_READY, _C.WORKERS_READY, _C.REDIS_READY, *_JOBS, *SUMMARY)
_APP_PODS: Final = (_C.WEB_READY, _C.WORKERS_READY, *_JOBS, *SUMMARY)
_WAIT: Final = "Wait: it goes on by itself."

EXPLANATIONS: Final[Mapping[Reason, Explanation]] = {
    Reason.AS_EXPECTED: explain(
        "What the condition speaks of is as declared.",
        NOTHING,
        _C.READY,
        _C.RECONCILED,
        _C.WEB_READY,
        _C.WORKERS_READY,
        _C.REDIS_READY,
        _C.EDGE_READY,
        _C.DEGRADED,
    ),
    Reason.NOT_YET_OBSERVED: explain(
        "The operator has seen the RealtimeApp but does not know this yet.",
        "Wait a few seconds. If it stays, look whether the operator runs and watches this namespace.",
        *_C,
    ),
    Reason.NOT_CONFIGURED: explain(
        "The spec does not ask for this part: no workers, no ingress, no WebSocket path or no probe of it, "
        "migrations are `Disabled`, checks are `Off`.",
        NOTHING,
        _C.WORKERS_READY,
        _C.EDGE_READY,
        _C.WEBSOCKET_READY,
        *_JOBS,
    ),
    Reason.SUSPENDED: explain(
        "`spec.suspend` is true: web and workers are scaled to 0, scheduled commands rest, Redis stays.",
        "Set `spec.suspend` to false to bring the application back.",
        _C.SUSPENDED,
        _C.READY,
        _C.WEB_READY,
        _C.WORKERS_READY,
        _C.WEBSOCKET_READY,
    ),
    Reason.NOT_SUSPENDED: explain("The application is meant to run.", NOTHING, _C.SUSPENDED),
    Reason.ROLLOUT_IN_PROGRESS: explain(
        "Pods are being replaced; the old ones serve until the new ones are ready.",
        _WAIT,
        _C.PROGRESSING,
        _C.READY,
        _C.WEB_READY,
        _C.WORKERS_READY,
    ),
    Reason.ROLLOUT_COMPLETE: explain(
        "All pods run the current revision.",
        NOTHING,
        _C.PROGRESSING,
    ),
    Reason.ROLLOUT_PAUSED: explain(
        "The rollout of the web pods is stopped where it is, by `web.rollout.paused` or `kubectl rollout pause`; "
        "old and new pods serve.",
        "Set `web.rollout.paused` to false, or run `kubectl rollout resume` on the Deployment in the message.",
        _C.PROGRESSING,
        _C.READY,
        _C.WEB_READY,
    ),
    Reason.ROLLED_BACK: explain(
        "Somebody undid the last rollout at the Deployment (`kubectl rollout undo`); the operator leaves the older "
        "revision alone until the spec asks for another one.",
        "Correct the spec, for example `spec.image`: the next change of what the web pods run is rolled out as ever. "
        "To go on with the spec as it is, set a new `spec.restartedAt`.",
        _C.RECONCILED,
        _C.PROGRESSING,
        _C.READY,
        _C.WEB_READY,
        _C.WORKERS_READY,
    ),
    Reason.WAITING_FOR_ROLLOUT: explain(
        "`migrations.policy` is `AfterRollout`: the migration starts when all web and worker pods are of the new "
        "revision and no older one is left.",
        "Wait, or look at the condition Progressing.",
        _C.MIGRATIONS_COMPLETE,
        _C.READY,
    ),
    Reason.WAITING_FOR_MIGRATIONS: explain(
        "Web and workers stay on the old revision until the migration Job is complete.",
        "Wait, or look at the condition MigrationsComplete.",
        _C.RECONCILED,
        _C.PROGRESSING,
        _C.READY,
        _C.WEB_READY,
        _C.WORKERS_READY,
    ),
    Reason.WAITING_FOR_CHECKS: explain(
        "`checks.deploy` is `Enforce`: migration, web and workers wait until the checks have passed.",
        "Wait, or look at the condition ChecksPassed.",
        _C.RECONCILED,
        _C.MIGRATIONS_COMPLETE,
        _C.PROGRESSING,
        _C.READY,
        _C.WEB_READY,
        _C.WORKERS_READY,
    ),
    Reason.WAITING_FOR_REDIS: explain(
        "The application's pods wait for Redis.",
        "Wait, or look at the condition RedisReady.",
        _C.READY,
        _C.WEB_READY,
        _C.WORKERS_READY,
    ),
    Reason.PODS_STARTING: explain(
        "Pods exist but are not ready yet.",
        "Wait; when it lasts, the reason changes to the cause. The first pull of a large image takes minutes.",
        _C.PROGRESSING,
        _C.WEB_READY,
        _C.WORKERS_READY,
        _C.REDIS_READY,
        *_JOBS,
        _C.READY,
    ),
    Reason.CONNECTIONS_MOVING: explain(
        "A pod that is about to stop closes its connections one by one, at the pace of `web.rollout`.",
        _WAIT,
        _C.DRAINING,
    ),
    Reason.NO_DRAIN: explain("No pod is closing connections.", NOTHING, _C.DRAINING),
    Reason.MIGRATION_RUNNING: explain(
        "The migration Job is running; old pods keep serving.",
        "Wait, or follow `kubectl logs job/NAME` of the Job named in the message.",
        _C.MIGRATIONS_COMPLETE,
        _C.PROGRESSING,
        _C.READY,
    ),
    Reason.MIGRATION_COMPLETE: explain(
        "The migration Job of this image is complete.", NOTHING, _C.MIGRATIONS_COMPLETE
    ),
    Reason.MIGRATION_MANUAL: explain(
        "`migrations.policy` is `Manual`: rollouts do not wait for a migration and none is run.",
        "Migrate the database yourself before changing the image.",
        _C.MIGRATIONS_COMPLETE,
    ),
    Reason.CHECKS_RUNNING: explain(
        "The Job that runs Django's checks has not ended yet.",
        "Wait, or follow `kubectl logs job/NAME` of the Job named in the message.",
        _C.CHECKS_PASSED,
    ),
    Reason.CHECKS_PASSED: explain(
        "Django's checks found no error; warnings are listed in the message and in `status.checks`.",
        "Nothing; a warning is worth a look in the documentation of the check it names.",
        _C.CHECKS_PASSED,
    ),
    Reason.VOLUME_PENDING: explain(
        "A volume is not provisioned or bound yet.",
        "Look at `kubectl describe pvc`: the StorageClass must exist and have a provisioner with room; "
        "with none set, the cluster needs a default StorageClass.",
        _C.REDIS_READY,
        _C.WEB_READY,
        _C.WORKERS_READY,
        *SUMMARY,
    ),
    Reason.ADDRESS_PENDING: explain(
        "The ingress controller has not published an address in the Ingress yet.",
        "Look whether the controller of the IngressClass runs, and at its log.",
        _C.EDGE_READY,
        _C.READY,
    ),
    Reason.INVALID_SPEC: explain(
        "The spec breaks a rule; nothing was changed and the running pods keep serving.",
        "Correct the field named in the message; `realtimeapp check FILE` shows every refusal at once.",
        *APPLY,
    ),
    Reason.NAME_CONFLICT: explain(
        "An object with a name the application needs exists and belongs to somebody else; it is left alone.",
        "Delete or rename the object in the message, or give the RealtimeApp another name.",
        *APPLY,
    ),
    Reason.QUOTA_EXCEEDED: explain(
        "A ResourceQuota of the namespace refuses an object or a pod.",
        "Raise the quota, or lower replicas or `podTemplate.resources`.",
        *APPLY,
        _C.WEB_READY,
        _C.WORKERS_READY,
        _C.REDIS_READY,
    ),
    Reason.FORBIDDEN: explain(
        "The operator is not allowed to write an object in this namespace.",
        "Add the namespace to the chart's `watchNamespaces`, or restore the role the chart installs.",
        *APPLY,
    ),
    Reason.POD_SECURITY_VIOLATION: explain(
        "The Pod Security level of the namespace refuses a pod.",
        "The operator's pods pass `restricted`; look for an admission policy stricter than that, "
        "named in the message.",
        *APPLY,
        _C.WEB_READY,
        _C.WORKERS_READY,
        _C.REDIS_READY,
    ),
    Reason.OBJECT_REJECTED: explain(
        "The API server or an admission webhook refuses an object.",
        "The message has its words; change the field it names or the policy that refuses.",
        *APPLY,
    ),
    Reason.WRITE_FAILED: explain(
        "An object could not be written several times in a row, and it was not refused either.",
        "It is tried again with growing pauses. When it lasts, look whether the API server, or the admission webhook "
        "named in the message, answers.",
        *APPLY,
    ),
    Reason.IMAGE_PULL_FAILED: explain(
        "A node cannot pull an image.",
        "Check `spec.image` for a typing error, that the tag exists, and `spec.imagePullSecrets`.",
        *_PODS,
    ),
    Reason.SECRET_MISSING: explain(
        "A Secret, or a key in it, that the spec refers to does not exist.",
        "Create it in the namespace of the RealtimeApp; pods start by themselves then.",
        *_PODS,
        _C.RECONCILED,
    ),
    Reason.CONFIG_MAP_MISSING: explain(
        "A ConfigMap, or a key in it, that the spec refers to does not exist.",
        "Create it in the namespace of the RealtimeApp; pods start by themselves then.",
        *_APP_PODS,
    ),
    Reason.SERVICE_ACCOUNT_MISSING: explain(
        "The ServiceAccount named in a `podTemplate` does not exist.",
        "Create it, or leave `serviceAccountName` out to use the generated one.",
        *_APP_PODS,
    ),
    Reason.SETTINGS_MODULE_NOT_FOUND: explain(
        "The image has no module of the name in `django.settingsModule`.",
        "Correct the name; it is what follows `import`, seen from the image's working directory.",
        *_APP_PODS,
    ),
    Reason.SETTINGS_INVALID: explain(
        "The settings module raises an error while it is imported.",
        "The message has the error; correct the settings or give the variable they need in `spec.env`.",
        *_APP_PODS,
    ),
    Reason.ASGI_APPLICATION_NOT_FOUND: explain(
        "The ASGI application cannot be imported.",
        "Set ASGI_APPLICATION in the settings, or `django.asgiApplication` as `module:attribute`.",
        *_APP_PODS,
    ),
    Reason.WSGI_APPLICATION_NOT_FOUND: explain(
        "The WSGI application cannot be imported.",
        "Set WSGI_APPLICATION in the settings, or `django.wsgiApplication` as `module:attribute`.",
        *_APP_PODS,
    ),
    Reason.PACKAGE_MISSING: explain(
        "The image lacks a Python package the chosen server, framework or worker type needs.",
        "Install the package in the message into the image.",
        *_APP_PODS,
    ),
    Reason.UNSCHEDULABLE: explain(
        "No node takes a pod.",
        "Lower `podTemplate.resources`, correct `nodeSelector` or `tolerations`, or add a node; "
        "the message has the scheduler's words.",
        *_PODS,
    ),
    Reason.CRASH_LOOPING: explain(
        "A container ends again and again.",
        "Look at `kubectl logs --previous` of a pod of this part.",
        *_PODS,
    ),
    Reason.OUT_OF_MEMORY: explain(
        "A container was killed at its memory limit.",
        "Raise the memory limit in `podTemplate.resources`, or lower `web.connections.maxPerPod`; for Redis "
        "raise `redis.standalone.maxMemory`.",
        *_PODS,
    ),
    Reason.CONTAINER_CANNOT_START: explain(
        "The node cannot start a container.",
        "The message has the node's words: usually the command is not in the image, "
        "or the image has no Python 3.9 or later as `python3`.",
        *_PODS,
    ),
    Reason.PROBE_FAILING: explain(
        "A pod runs but does not answer its probe.",
        "Look at the pod's log; a slow start needs a higher `web.probes.startup.failureThreshold`.",
        *_PODS,
    ),
    Reason.ROLLOUT_STALLED: explain(
        "A rollout made no progress for longer than its deadline and no pod says why.",
        "Look at `kubectl describe` of the Deployment in the message. The old pods keep serving.",
        _C.PROGRESSING,
        _C.WEB_READY,
        _C.WORKERS_READY,
        *SUMMARY,
    ),
    Reason.COMMAND_FAILED: explain(
        "A management command raised an error.",
        "The message has the last line of the error; the log of the pod has all of it.",
        _C.WORKERS_READY,
        *_JOBS,
        *SUMMARY,
    ),
    Reason.DATABASE_UNAVAILABLE: explain(
        "A Job lost its connection to the database or got none, more often than its own retries bridge.",
        "It is tried again by itself, at most ten minutes apart. When it lasts, look whether the database runs and "
        "whether the host in the database URL is right.",
        *_JOBS,
        *SUMMARY,
    ),
    Reason.INTERRUPTED: explain(
        "The container of a Job was stopped from outside before it ended, more often than its own retries bridge.",
        "It is tried again by itself, at most ten minutes apart. When it lasts, look at the events of the node.",
        *_JOBS,
        *SUMMARY,
    ),
    Reason.CHECKS_FAILED: explain(
        "Django's checks found an error in the project or its settings. With `checks.deploy: Enforce` nothing new "
        "starts, with `Warn` nothing waits.",
        "`kubectl logs job/NAME` of the Job in the message has the full text of each and what to do; correct the "
        "settings, or silence the check with SILENCED_SYSTEM_CHECKS.",
        _C.CHECKS_PASSED,
        *SUMMARY,
    ),
    Reason.CLEANUP_FAILED: explain(
        "The latest run of a scheduled command failed; what serves is not affected.",
        "The next run that succeeds clears this; `kubectl logs job/NAME` has the error, the Job's name is in "
        "`status.cleanup`. Deleting that Job clears it too.",
        _C.DEGRADED,
    ),
    Reason.MIGRATION_FAILED: explain(
        "The migration Job failed as often as `migrations.backoffLimit` allows; old pods keep serving.",
        "Correct the migration and change the image, or repair the database and set a new "
        "`spec.restartedAt` to run it again.",
        _C.MIGRATIONS_COMPLETE,
        *SUMMARY,
    ),
    Reason.MIGRATION_DEADLINE_EXCEEDED: explain(
        "The migration did not end within `migrations.activeDeadlineSeconds`; old pods keep serving.",
        "Look for a lock in the database and set a new `spec.restartedAt` to run it again, or raise the deadline.",
        _C.MIGRATIONS_COMPLETE,
        *SUMMARY,
    ),
    **EDGE,
}
"""Every reason, explained."""
