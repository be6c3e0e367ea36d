"""Subjects in one canonical form, so that two spellings of one identity are compared as one.

Source: `serviceaccount.MatchesUsername` and `appliesToUser` of the RBAC authorizer. The user name
`system:serviceaccount:ns:name` is the ServiceAccount; a ServiceAccount without a namespace in a
RoleBinding is one of the binding's own namespace.
"""

from curfew.objects.rbac import Binding, Subject, SubjectKind

_ACCOUNT = "system:serviceaccount:"


def canonical(subject: Subject, namespace: str) -> Subject:
    """The subject as everybody else writes it; `namespace` is the binding's ("": cluster-wide)."""
    if subject.kind is SubjectKind.SERVICE_ACCOUNT:
        return Subject(subject.kind, subject.name, subject.namespace or namespace)
    parts = subject.name.removeprefix(_ACCOUNT).split(":")
    is_account = subject.name.startswith(_ACCOUNT) and len(parts) == 2 and all(parts)  # noqa: PLR2004 - namespace, name
    if subject.kind is SubjectKind.USER and is_account:
        return Subject(SubjectKind.SERVICE_ACCOUNT, parts[1], parts[0])
    return Subject(subject.kind, subject.name)


def subjects_of(binding: Binding) -> tuple[Subject, ...]:
    """Who the binding is for: canonical, each once, in the order in which they are written."""
    namespace = binding.metadata.namespace
    return tuple(dict.fromkeys(canonical(subject, namespace) for subject in binding.subjects or ()))


def named(subject: Subject) -> str:
    """As a person says it: `User dana`, `ServiceAccount ci/deployer`."""
    place = f"{subject.namespace}/" if subject.namespace else ""
    return f"{subject.kind.value} {place}{subject.name}"
