/** Without it a reload of the page signs out. */
export function StaySignedIn() {
  return (
    <label className="check">
      <input type="checkbox" name="stay" defaultChecked />
      <span>Stay signed in with this browser</span>
    </label>
  );
}
