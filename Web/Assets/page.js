// Tells the page's component whether anybody can see it: a hidden tab is not refreshed.
export function watchVisibility(page) {
  const tell = () => page.invokeMethodAsync('SetVisible', document.visibilityState === 'visible').catch(() => document.removeEventListener('visibilitychange', tell));
  document.addEventListener('visibilitychange', tell);
  if (document.visibilityState !== 'visible') tell();
}
