// Fetches the order list anew each second, unless a button in it has the focus.
setInterval(async () => {
  const list = document.getElementById("orders");
  if (list.contains(document.activeElement)) return;
  const answer = await fetch("/orders").catch(() => null);
  if (answer && answer.ok) list.innerHTML = await answer.text();
}, 1000);
