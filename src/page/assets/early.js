// Language and theme before the first paint, so that neither flashes. Asked for by the address, else kept, else the system's.

(() => {
  const asked = new URLSearchParams(location.search);
  const kept = (store, key) => {
    try { return store().getItem(key); } catch { return null; }
  };
  const pick = (key, words) => {
    const word = asked.get(key);
    if (words.includes(word)) {
      try { sessionStorage.setItem(key, word); } catch { /* storage is off: the address still counts */ }
      return word;
    }
    return [kept(() => sessionStorage, key), kept(() => localStorage, key)].find((value) => words.includes(value));
  };
  const root = document.documentElement;
  root.lang = pick("lang", ["es", "en"]) ?? (/^en\b/.test(navigator.language) ? "en" : "es");
  const theme = pick("theme", ["light", "dark"]);
  if (theme) root.dataset.theme = theme;
})();
