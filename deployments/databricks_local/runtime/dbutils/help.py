"""`help` of `dbutils` and of each of its parts, out of their docstrings."""

import inspect


class Helpful:
    """Gives a part of `dbutils` its `help`."""

    def help(self, moduleOrMethod: str = "") -> None:  # noqa: N803
        """Say what there is, or what one method does.

        Args:
            moduleOrMethod: The name of a method; empty for all.
        """
        print(help_text(self, moduleOrMethod))  # noqa: T201 - what the notebook asks for


def help_text(part: object, name: str = "") -> str:
    """What `help` prints."""
    names = [name] if name else [each for each in dir(part) if not each.startswith("_") and each != "help"]
    lines = [] if name else [_first_line(type(part)), ""]
    for each in names:
        member = getattr(part, each)
        if callable(member):
            lines.append(f"{each}{inspect.signature(member)} -> {_first_line(member)}")
        else:
            lines.append(f"{each}: {_first_line(type(member))} {each}.help() says more.")
    return "\n".join(lines)


def _first_line(described: object) -> str:
    return (inspect.getdoc(described) or "").partition("\n")[0].replace("`", "")
