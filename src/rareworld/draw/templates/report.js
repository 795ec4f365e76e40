// Videos of one group share a clock: they start together when seen, and again when all have ended.
const quiet = matchMedia("(prefers-reduced-motion: reduce)").matches;
function group(box) {
  const films = [...box.querySelectorAll("video")];
  const button = box.querySelector("button");
  const hand = box.querySelector(".timeline u");
  let on = false, again = 0;
  const restart = () => films.forEach((film) => { film.currentTime = 0; film.play().catch(() => {}); });
  const set = (playing) => {
    on = playing;
    clearTimeout(again);
    if (button) button.textContent = on ? "Pause" : "Play together";
    if (on) films.some((film) => film.ended) ? restart() : films.forEach((film) => film.play().catch(() => {}));
    else films.forEach((film) => film.pause());
  };
  films.forEach((film) => film.addEventListener("ended", () => {
    if (on && films.every((other) => other.ended)) again = setTimeout(() => on && restart(), 500);
  }));
  if (hand) films[0].addEventListener("timeupdate", () => {
    hand.style.left = `${(100 * films[0].currentTime) / (films[0].duration || 1)}%`;
  });
  if (button) button.addEventListener("click", () => { box.dataset.own = "1"; set(!on); });
  if (quiet) return;
  new IntersectionObserver(([seen]) => {
    if (!box.dataset.own || !seen.isIntersecting) set(seen.isIntersecting && !box.dataset.own);
  }, { threshold: 0.35 }).observe(box);
}
document.querySelectorAll("[data-together]").forEach(group);
