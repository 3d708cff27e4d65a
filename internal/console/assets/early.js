// Before the first paint, so that a remembered theme does not flash up as the other one. Not a module: those come
// later.
document.documentElement.dataset.theme = localStorage.getItem('steadyframe.theme') ?? 'system';
