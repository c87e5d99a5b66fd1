const NAMES = ["Ada", "Alan", "Barbara", "Dennis", "Edsger", "Frances"]
  .concat("Grace", "Hedy", "Ken", "Linus", "Margaret", "Radia", "Tim", "Tony");

/** The name in the address. Where there is none, one is put there, so that a reload is the same person. */
export function nameOfTab(): string {
  const url = new URL(location.href);
  let name = url.searchParams.get("name");
  if (!name) {
    name = NAMES[Math.floor(Math.random() * NAMES.length)] ?? "Ada";
    url.searchParams.set("name", name);
    history.replaceState(null, "", url);
  }
  return name;
}
