// The one sentence about all pods.

/** How many pods of `workloads` there are, and what happens to them. */
export function summary(workloads) {
  const pods = workloads.flatMap((one) => one.pods);
  const fates = new Map();
  for (const { fate } of pods) fates.set(fate, (fates.get(fate) ?? 0) + 1);
  const parts = [...fates].map(([fate, number]) => `${number} ${number === 1 ? fate : fate.replace("runs", "run")}`);
  const warned = pods.filter(({ warnings }) => warnings.length).length;
  if (warned) parts.push(`${warned} with warnings`);
  const refused = workloads.filter((one) => one.refused.length && !one.pods.length).length;
  if (refused) parts.push(`${refused} without pods`);
  const kinds = workloads.length > 1 ? `${workloads.length} applications, ` : "";
  return `${kinds}${pods.length} ${pods.length === 1 ? "kind" : "kinds"} of pods: ${parts.join(", ")}`;
}
